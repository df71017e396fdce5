import type { Engine } from "../docker/engine.ts";
import { releaseVersions, removeOldVersions } from "./keep-versions.ts";
import { releaseTags } from "./promote.ts";
import { withTagLedger } from "./tag-ledger.ts";

/**
 * Takes the image away: friendly names that are still ours, then every version.
 * @returns what stays, with the reason, for the user
 */
export async function removeImage(
  resource: { stack: string; stateDir: string; tags: string[]; build: { name: string } },
  engine: Engine,
): Promise<string[]> {
  const engineId = (await engine.info()).id;
  const { stack, stateDir, tags } = resource;
  const image = resource.build.name;
  return withTagLedger({ stateDir, engineId, stack }, async (ledger) => {
    const stay = await releaseTags({ stack, image, tags }, ledger, engine);
    const { kept } = await removeOldVersions({ stack, image, keep: 0 }, ledger, engine);
    releaseVersions(
      ledger,
      stack,
      kept.map(({ reference }) => reference),
    );
    return [
      ...stay,
      ...kept.map(({ reference, containers }) => `${reference} (used by ${containers.join(", ")})`),
    ];
  });
}
