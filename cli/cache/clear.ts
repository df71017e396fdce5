import { Command } from "commander";
import { bytesOfContent } from "../../lib/cache-store/listing.ts";
import { lookAtCache } from "../../lib/cache-store/look.ts";
import { clearScript } from "../../lib/cache-store/removal.ts";
import { askUpstream } from "../../lib/doctor/upstream-answer.ts";
import { UserError } from "../../lib/errors.ts";
import { readProxies } from "../../lib/proxy/proxy.ts";
import { stackOption } from "../options.ts";
import { changing, requireOwn, withCaches, type OpenCaches } from "./open.ts";
import { counted, size } from "./words.ts";

/** `npm run cache -- clear` */
export function clearCommand(): Command {
  return new Command("clear")
    .description(
      "Removes everything that the caches keep, also what stacks need: it is fetched again when it is asked for. Refused while an upstream does not answer.",
    )
    .addOption(stackOption())
    .option("--force", "also while an upstream does not answer: what only the cache has is lost", false)
    .option("--json", "print {removedImages, freedBytes}", false)
    .action(({ stack, force, json }: { stack: string; force: boolean; json: boolean }) =>
      withCaches(stack, async (open) => {
        requireOwn(open, "clear");
        if (!force) await requireUpstreams(open);
        let images = 0;
        let freed = 0;
        await changing(open, async () => {
          for (const volume of open.volumes) {
            const before = await lookAtCache(volume, open.signal);
            await volume.run(clearScript);
            const after = await lookAtCache(volume, open.signal);
            images += before.images.length - after.images.length;
            freed += bytesOfContent(before.content) - bytesOfContent(after.content);
          }
        });
        if (json) console.log(JSON.stringify({ removedImages: images, freedBytes: freed }));
        else console.log(`Removed ${counted(images, "image")}, ${size(freed)}.`);
      }),
    );
}

async function requireUpstreams({ caches, settings }: OpenCaches): Promise<void> {
  for (const { settings: cache } of caches) {
    const answer = await askUpstream(cache.upstream, {
      timeoutMs: 5_000,
      proxies: readProxies(settings.proxy),
    });
    if ("status" in answer && answer.status < 500 && answer.status !== 429) continue;
    const problem = "status" in answer ? `it answers ${answer.status}` : answer.words;
    throw new UserError(
      `${cache.upstream} does not answer as it should (${problem}), so what is removed now could not be fetched again. Nothing was removed; --force does it all the same.`,
    );
  }
}
