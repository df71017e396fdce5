import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import writeFileAtomic from "write-file-atomic";
import { UserError } from "../lib/errors.ts";
import { outdatedContainers, outdatedLines } from "../lib/images/outdated-containers.ts";
import { shortVersion } from "../lib/images/promoted.ts";
import { listVersions, rollBack, type RollbackMove, type RollbackResult } from "../lib/images/roll-back.ts";
import { readTagLedger, withTagLedger } from "../lib/images/tag-ledger.ts";
import type { VersionLine } from "../lib/images/versions-back.ts";
import { npmCommand } from "../lib/settings/commands.ts";
import { withPins } from "../lib/settings/pins-in-file.ts";
import { allImages, imageNames } from "./image-names.ts";
import { interruptible } from "./interrupts.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { stackOption } from "./options.ts";
import { projectRoot } from "./stack-context.ts";
import { stackWithEngine } from "./stack-engine.ts";

interface RollbackOptions {
  stack: string;
  clear: boolean;
  to?: string;
  list: boolean;
  json: boolean;
}

/** `npm run rollback -- whisperx`: the friendly tags back to an earlier version, at once. */
export function rollbackCommand(): Command {
  return new Command("npm run rollback --")
    .description(
      [
        "Moves images back to the version before: their friendly tags at once, and a pin in Pulumi.<stack>.yaml that pulumi up keeps to.",
        "Nothing is built, Pulumi does not run, and containers go on as they are. Once more goes back one version more.",
        "What stands on an image that goes back follows to its version on that base, or is built on it by the next run.",
      ].join("\n"),
    )
    .argument("<image...>", '"all", "runtime", "devel", or names of services')
    .addOption(stackOption())
    .option("--clear", "release the pins: the next run goes on with what the files give", false)
    .option("--to <version>", "a number of --list, or a version, instead of the one before")
    .option("--list", "show the versions that one can go to; change nothing", false)
    .option("--json", "print what came of it as one JSON object", false)
    .action(async (images: string[], options: RollbackOptions) => {
      if (options.to !== undefined && (options.clear || options.list))
        throw new UserError("--to names a version to go to: it goes without --clear and --list.");
      await interruptible((signal) => oneAtATime(options.stack, () => run(images, options, signal)));
    });
}

async function run(words: string[], options: RollbackOptions, signal: AbortSignal): Promise<void> {
  const { settings, engine, engineId } = await stackWithEngine(options.stack);
  const services = Object.keys(settings.services);
  const images = imageNames(words, services);
  const { stack, stateDir } = settings;
  const request = { stack, stateDir, images };
  if (options.list) {
    const versions = await listVersions(request, await readTagLedger(stateDir, engineId), engine);
    console.log(options.json ? listAsJson(stack, versions) : listAsText(versions));
    return;
  }
  if (options.clear) {
    const cleared = images.filter((image) => image in settings.pinnedVersions);
    await writePins(stack, Object.fromEntries(cleared.map((image) => [image, undefined])));
    await withTagLedger({ stateDir, engineId, stack, signal }, async (ledger) => {
      for (const image of images) delete ledger.pins[`${stack}/${image}`];
    });
    console.log(options.json ? JSON.stringify({ stack, cleared }) : clearedAsText(stack, cleared));
    return;
  }
  if (options.to !== undefined && images.length !== 1)
    throw new UserError("--to names a version of one image: name one image only.");
  const started = performance.now();
  const result = await rollBack(
    {
      ...request,
      stackImages: allImages(services),
      ...(options.to !== undefined && { to: options.to }),
      pinned: Object.keys(settings.pinnedVersions),
      adopt: settings.adoptTags,
    },
    { engine, signal, writePins: (pins) => writePins(stack, pins) },
  );
  const moved = result.moves.map(({ image, tags, to }) => ({ name: image, tags, reference: to }));
  const containers = await outdatedContainers(stack, moved, engine);
  const seconds = Math.round((performance.now() - started) / 10) / 100;
  console.log(
    options.json
      ? JSON.stringify({ stack, ...result, containers, seconds })
      : [...asText(stack, result), ...outdatedLines(containers), `${seconds} s`].join("\n"),
  );
}

/** Changes pins in the stack's file. Returns what puts them back, unless somebody else has changed the file since. */
async function writePins(
  stack: string,
  changes: Record<string, string | undefined>,
): Promise<() => Promise<void>> {
  const file = join(projectRoot, `Pulumi.${stack}.yaml`);
  const before = readFileSync(file, "utf8");
  const after = withPins(before, changes);
  if (after !== before) await writeFileAtomic(file, after);
  return async () => {
    if (readFileSync(file, "utf8") === after) await writeFileAtomic(file, before);
  };
}

function asText(stack: string, { moves, rebuild, notes }: RollbackResult): string[] {
  const pinned = moves.filter(({ isPinned }) => isPinned).map(({ image }) => image);
  return [
    ...moves.map((move) => moveLine(move)),
    ...rebuild.map(
      (image) => `${image}: stands on it and was never built on that version: the next run builds it`,
    ),
    ...notes,
    `The ${pinned.length === 1 ? "pin stands" : "pins stand"} in Pulumi.${stack}.yaml, and ${runCommand(stack)} keeps to ${pinned.length === 1 ? "it" : "them"}. To go on with what the files give:`,
    `  ${npmCommand("npm run rollback", stack, pinned.join(" "), "--clear")} && ${runCommand(stack)}`,
  ];
}

function moveLine({ image, from, to, tags, isPinned }: RollbackMove): string {
  const was = from === undefined || from === to ? "" : `, was ${shortVersion(from)}`;
  const why = isPinned ? "" : "; it follows what it stands on";
  return `${image}: ${tags.join(", ")} ${from === to ? "stays" : "is"} ${shortVersion(to)}${was}${why}`;
}

function clearedAsText(stack: string, cleared: string[]): string {
  if (cleared.length === 0) return "Nothing of that is pinned.";
  return `Released: ${cleared.join(", ")}. Tags have not moved; ${runCommand(stack)} goes on with what the files give.`;
}

function listAsText(versions: Map<string, VersionLine[]>): string {
  return [...versions]
    .flatMap(([image, lines]) => [
      `${image}${lines.length === 0 ? ": no version is known on this engine" : ""}`,
      ...lines.map(versionLine),
    ])
    .join("\n");
}

function versionLine({ number, reference, time, smokeGpu, isCurrent, isPinned }: VersionLine): string {
  const facts = [
    ...(time === undefined ? [] : [`promoted ${time.slice(0, 16).replace("T", " ")} UTC`]),
    ...(smokeGpu === undefined ? [] : [`smoke test ${smokeGpu ? "with" : "without"} a GPU`]),
    ...(isCurrent ? ["in use"] : []),
    ...(isPinned ? ["pinned"] : []),
  ];
  return `  ${String(number).padStart(2)}  ${reference}  ${facts.join(", ")}`;
}

function listAsJson(stack: string, versions: Map<string, VersionLine[]>): string {
  return JSON.stringify({ stack, images: Object.fromEntries(versions) });
}

function runCommand(stack: string): string {
  return stack === "sandbox" ? "npm start" : `pulumi up -s ${stack}`;
}
