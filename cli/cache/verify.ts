import { Command } from "commander";
import { verifyCache, type Verification } from "../../lib/cache-store/verify.ts";
import { stackOption } from "../options.ts";
import { changing, withCaches } from "./open.ts";
import { counted, repositoryName, size } from "./words.ts";

interface VerifyOptions {
  stack: string;
  dryRun: boolean;
  json: boolean;
}

type Verified = Verification & { registry: string };

/** `npm run cache -- verify` */
export function verifyCommand(): Command {
  return new Command("verify")
    .description(
      "Compares every blob with its digest. A damaged one is removed and fetched again. Exit code 1: one is damaged and could not be mended.",
    )
    .addOption(stackOption())
    .option("--dry-run", "only say what is damaged", false)
    .option(
      "--json",
      "print {caches: [{registry, blobs, bytes, damaged: [{digest, isMended, reason}]}]}",
      false,
    )
    .action((options: VerifyOptions) =>
      withCaches(options.stack, async (open) => {
        const { signal, progress, clientOf } = open;
        const verified: Verified[] = [];
        await changing(open, async () => {
          for (const volume of open.volumes) {
            const step = `verify ${volume.registry}`;
            progress.step(step);
            const found = await verifyCache({
              ...{ volume, client: clientOf(volume), dryRun: options.dryRun, signal },
              onProgress: (done, all) => progress.step(step, `${size(done)} of ${size(all)}`),
            });
            verified.push({ registry: volume.registry, ...found });
            progress.done(step);
          }
        });
        progress.stop();
        if (options.json) console.log(JSON.stringify({ caches: verified }, undefined, 2));
        else for (const one of verified) console.log(asText(one, options.dryRun));
        if (verified.some(({ damaged }) => damaged.some(({ isMended }) => !isMended))) process.exitCode = 1;
      }),
    );
}

function asText({ registry, blobs, bytes, damaged }: Verified, dryRun: boolean): string {
  const lines = damaged.map(({ digest, repository, isMended, reason }) => {
    const of = repository ? ` of ${repositoryName(registry, repository)}` : "";
    return `damaged: ${digest}${of}: ${isMended ? "fetched again" : (reason ?? "left as it is (--dry-run)")}`;
  });
  const sound = damaged.length === 0 ? "all sound" : `${damaged.length} damaged`;
  const state =
    dryRun || damaged.length === 0 ? "" : `, ${damaged.filter(({ isMended }) => isMended).length} mended`;
  return [...lines, `${registry}: ${counted(blobs, "blob")}, ${size(bytes)}, ${sound}${state}.`].join("\n");
}
