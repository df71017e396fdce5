import { Command, InvalidArgumentError } from "commander";
import { evict, type EvictionResult } from "../../lib/cache-store/evict.ts";
import { UserError } from "../../lib/errors.ts";
import { bytesOf } from "../../lib/settings/quantities.ts";
import { stackOption } from "../options.ts";
import { changing, requireOwn, withCaches } from "./open.ts";
import { counted, repositoryName, size, versionOf } from "./words.ts";

interface PruneOptions {
  stack: string;
  /** Bytes. */
  to?: number;
  dryRun: boolean;
  json: boolean;
}

/** `npm run cache -- prune` */
export function pruneCommand(): Command {
  return new Command("prune")
    .description(
      [
        "Makes the caches smaller: what was not used for longest goes first, by the registry's access log.",
        "Stays: every image that a lock file or a Dockerfile of this clone's stacks names. What stays is read afterwards.",
      ].join("\n"),
    )
    .addOption(stackOption())
    .option("--to <size>", "such as 50GB or 500MiB; without it registryCache.maxSize", bytes)
    .option("--dry-run", "say what would go; remove nothing", false)
    .option(
      "--json",
      "print {removed: [{registry, repository, digest, bytes}], bytesBefore, bytesAfter}",
      false,
    )
    .action((options: PruneOptions) =>
      withCaches(options.stack, async (open) => {
        const limit = options.to ?? open.limit;
        if (limit === undefined)
          throw new UserError(
            `Say how much may stay: npm run cache -- prune --stack ${options.stack} --to 50GB, or set registryCache.maxSize.`,
          );
        requireOwn(open, "prune");
        const { volumes, pins, clientOf, signal, progress } = open;
        progress.step("prune");
        const { dryRun } = options;
        const result = await changing(open, () => evict({ volumes, limit, pins, clientOf, dryRun, signal }));
        progress.done("prune");
        progress.stop();
        if (options.json) console.log(asJson(result));
        else {
          for (const note of pins.notes) console.error(note);
          const lines = result.removed.map(
            ({ registry, image }) =>
              `${size(image.bytes).padStart(9)}  ${repositoryName(registry, image.repository)} ${versionOf(registry, image, pins)}`,
          );
          console.log([...lines, lastLine(result, limit, options.dryRun)].join("\n"));
        }
      }),
    );
}

function asJson({ removed, bytesBefore, bytesAfter }: EvictionResult): string {
  const images = removed.map(({ registry, image: { repository, digest, tags, bytes } }) => ({
    ...{ registry, repository, tags, digest, bytes },
  }));
  return JSON.stringify({ removed: images, bytesBefore, bytesAfter }, undefined, 2);
}

function lastLine(
  { removed, bytesBefore, bytesAfter, kept }: EvictionResult,
  limit: number,
  dryRun: boolean,
): string {
  const over =
    bytesAfter > limit
      ? ` That is more than ${size(limit)}: stacks need it, or it has just been fetched.`
      : "";
  if (bytesBefore === bytesAfter && removed.length === 0)
    return `Nothing to remove: the caches take ${size(bytesAfter)}.${over}`;
  const what = `${counted(removed.length, "image")}, ${size(bytesBefore - bytesAfter)}`;
  return dryRun
    ? `Would remove ${what}, and leave ${size(bytesAfter)}.${over} Nothing was removed (--dry-run).`
    : `Removed ${what}. Left and readable: ${counted(kept, "image")}, ${size(bytesAfter)}.${over}`;
}

function bytes(text: string): number {
  const value = bytesOf(text);
  if (value === undefined) throw new InvalidArgumentError("It must be a size such as 50GB, 500MiB or 0.");
  return value;
}
