import { Command } from "commander";
import { engineAt, type Engine } from "../lib/docker/engine.ts";
import { UserError } from "../lib/errors.ts";
import { outdatedContainers, outdatedLines } from "../lib/images/outdated-containers.ts";
import { clearPlainNames, plainNames, usePlainNames, type PlainName } from "../lib/images/plain-names.ts";
import { shortVersion } from "../lib/images/promoted.ts";
import { readTagLedger, withTagLedger } from "../lib/images/tag-ledger.ts";
import { allImages } from "./image-names.ts";
import { interruptible } from "./interrupts.ts";
import { enginesOfStacks } from "./known-stacks.ts";
import { projectRoot } from "./stack-context.ts";
import { stackWithEngine } from "./stack-engine.ts";

interface UseOptions {
  clear: boolean;
  json: boolean;
}

/** `npm run use -- cu126`: which stack's images the names without a version mean. */
export function useCommand(): Command {
  return new Command("npm run use --")
    .description(
      [
        "Decides which stack of an engine the names without a version mean: whisperx:latest and so on, cuda-base:runtime and cuda-base:devel.",
        "They move to that stack's images at once, and with every later run of it. Without a stack it shows who has them.",
      ].join("\n"),
    )
    .argument("[stack]", "stack whose images they mean from now on")
    .option("--clear", "take the names away; who had one before us gets it back", false)
    .option("--json", "print what came of it as one JSON object", false)
    .action(async (stack: string | undefined, options: UseOptions) => {
      if (stack === undefined && options.clear)
        throw new UserError("Name a stack of the engine whose plain names go: npm run use -- STACK --clear");
      await interruptible((signal) => (stack === undefined ? show(options) : use(stack, options, signal)));
    });
}

async function use(stack: string, options: UseOptions, signal: AbortSignal): Promise<void> {
  const { settings, engine, engineId } = await stackWithEngine(stack);
  const { stateDir, adoptTags: adopt } = settings;
  const images = allImages(Object.keys(settings.services));
  const result = await withTagLedger({ stateDir, engineId, stack, signal }, (ledger) =>
    options.clear ? clearPlainNames(ledger, engine) : usePlainNames({ stack, images, adopt }, ledger, engine),
  );
  const { names, released, notes } = result;
  const containers = await stillOnOthers(names, engine);
  if (options.json) {
    console.log(JSON.stringify({ stack: options.clear ? null : stack, ...result, containers }));
    return;
  }
  const lines = [
    ...names.map(nameLine),
    ...(released.length > 0 ? [`Given up: ${released.join(", ")}`] : []),
    ...notes,
    ...outdatedLines(containers),
  ];
  if (options.clear && released.length === 0) lines.push("No stack has the plain names of this engine.");
  console.log(lines.join("\n"));
}

/** Who has the plain names, on every engine of this clone's stacks that answers. */
async function show({ json }: UseOptions): Promise<void> {
  const engines = await Promise.all(
    enginesOfStacks(projectRoot).map(async ({ dockerHost, stateDir, stacks }) => {
      const info = await engineAt(dockerHost)
        .info()
        .catch((error: unknown) => {
          if (error instanceof UserError) return undefined;
          throw error;
        });
      if (!info) return undefined;
      const ledger = await readTagLedger(stateDir, info.id);
      return { engine: dockerHost, stacks, stack: ledger.plainNames ?? null, names: plainNames(ledger) };
    }),
  );
  const found = engines.filter((engine) => engine !== undefined);
  if (json) return console.log(JSON.stringify(found));
  if (found.length === 0) console.log("No engine of this clone's stacks runs.");
  for (const { engine, stacks, stack, names } of found) {
    console.log(
      `${engine} (${stacks.join(", ")}): ${stack ? `the stack "${stack}" has the plain names` : "no stack has the plain names"}`,
    );
    for (const name of names) console.log(`  ${nameLine(name)}`);
  }
}

function nameLine({ name, stack, reference }: PlainName): string {
  return `${name} is ${shortVersion(reference)} of ${stack}`;
}

/** Containers that were started by a plain name, and run an image that it does not mean any more. */
function stillOnOthers(names: PlainName[], engine: Engine) {
  const images = names.map(({ name, image, reference }) => ({
    ...{ name: image, tags: [name], reference },
    byTagOnly: true,
  }));
  return outdatedContainers(names[0]?.stack ?? "", images, engine);
}
