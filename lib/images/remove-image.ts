import type { Engine } from "../docker/engine.ts";
import { familiarName, normalName, parseReference } from "./image-reference.ts";
import { releaseVersions, removeOldVersions } from "./keep-versions.ts";
import { releasePlainName } from "./plain-names.ts";
import { releaseTags } from "./promote.ts";
import { withTagLedger, type TagLedger } from "./tag-ledger.ts";

interface RemovedImage {
  stack: string;
  stateDir: string;
  /** Friendly tags as the state knows them. */
  tags: string[];
  build: { name: string };
}

/**
 * Takes the image away: friendly names that are still ours, then every version.
 * @returns what stays, with the reason, for the user
 */
export async function removeImage(resource: RemovedImage, engine: Engine): Promise<string[]> {
  const engineId = (await engine.info()).id;
  const { stack, stateDir } = resource;
  const image = resource.build.name;
  return withTagLedger({ stateDir, engineId, stack }, async (ledger) => {
    const stay = await releaseTags({ stack, image, tags: tagsOf(ledger, resource) }, ledger, engine);
    stay.push(...(await releasePlainName({ stack, image }, ledger, engine)));
    delete ledger.pins[`${stack}/${image}`];
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

/** Those that the state knows, and those of a version that a rollback went to without it. */
function tagsOf(ledger: TagLedger, { stack, tags, build }: RemovedImage): string[] {
  const known = tags.map(normalName);
  const others = Object.entries(ledger.tags)
    .filter(([, entry]) => entry.stack === stack && entry.image === build.name && !entry.isPlain)
    .map(([name]) => name)
    .filter((name) => !known.includes(name));
  return [...tags, ...others.map((name) => familiarName(parseReference(name)!))];
}
