import { engineAt } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { npmCommand } from "../settings/commands.ts";
import type { Settings } from "../settings/settings.ts";
import { pathComponent, stackRepository } from "./image-reference.ts";
import { shortVersion } from "./promoted.ts";
import { readTagLedger } from "./tag-ledger.ts";
import type { ImagePlan } from "./types.ts";

/** An earlier version that an image is pinned to. */
export interface PinnedVersion {
  /** Hash reference. */
  reference: string;
  hash: string;
  /** Friendly tags that it had; undefined where nobody remembers. */
  tags?: string[];
  parts: Record<string, string>;
}

/**
 * The versions that the setting `pinnedVersions` names, by image. The engine is asked only where there are pins.
 *
 * @throws UserError with a line for each version that is not on the engine any more.
 */
export async function pinnedVersions(
  settings: Pick<Settings, "engine" | "pinnedVersions" | "stack" | "stateDir">,
): Promise<Map<string, PinnedVersion>> {
  const { stack, stateDir } = settings;
  const found = new Map<string, PinnedVersion>();
  const pins = Object.entries(settings.pinnedVersions);
  if (pins.length === 0) return found;
  const engine = engineAt(settings.engine.host);
  const ledger = await readTagLedger(stateDir, (await engine.info()).id);
  const problems: string[] = [];
  for (const [image, hash] of pins) {
    const names = await engine.names(`${stackRepository(stack)}/${pathComponent(image)}:*`);
    const reference = names.find(({ name }) => name.endsWith(`-${hash}`))?.name;
    if (reference === undefined) {
      problems.push(
        `gpu-build-host:pinnedVersions.${image} is ${hash}, a version that is not on this engine any more; release the pin: ${npmCommand("npm run rollback", stack, image, "--clear")}`,
      );
      continue;
    }
    const { tags, parts = {} } = ledger.promoted[reference] ?? {};
    found.set(image, { reference, hash, parts, ...(tags && { tags }) });
  }
  if (problems.length > 0) throw new UserError(problems.join("\n"));
  return found;
}

/** What a preview says of pins, a line for each image that is pinned. */
export function pinLines(stack: string, plans: ImagePlan[]): string[] {
  return plans.flatMap(({ name, reference, filesGive }) => {
    if (filesGive === undefined) return [];
    const other =
      filesGive === reference
        ? "which today's files give too"
        : `today's files would give ${shortVersion(filesGive)}`;
    return [
      `image "${name}": pinned to ${shortVersion(reference)}, ${other}; to release it: ${npmCommand("npm run rollback", stack, name, "--clear")}`,
    ];
  });
}
