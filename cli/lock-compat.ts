import { relative } from "node:path";
import type { Command } from "commander";
import { applyChanges } from "../lib/cuda/compat/apply.ts";
import { PackageIndex } from "../lib/cuda/compat/package-index.ts";
import { propose, type Change, type Proposal } from "../lib/cuda/compat/propose.ts";
import { askIndexes, type Unchecked } from "../lib/cuda/compat/stated.ts";
import { writeData } from "../lib/cuda/compat/write.ts";
import { cudaData } from "../lib/cuda/data.ts";
import { readProxies } from "../lib/proxy/proxy.ts";
import { settingsOfStackFile } from "../lib/settings/load.ts";
import { createProgress } from "./progress.ts";

interface CompatOptions {
  stack: string;
  index: string;
  torchIndex: string;
  dryRun: boolean;
  json: boolean;
  page: boolean;
}

/** Adds `compat` to `npm run lock`: compares the compatibility data with what package indexes state. */
export function addCompat(command: Command): void {
  command
    .command("compat")
    .description(
      [
        "Compatibility data (lib/cuda/compatibility.json): asks the package indexes which releases, wheels and requirements of torch, torchvision, torchaudio, xformers and whisperx exist, shows what differs and writes it, with docs/cuda-compatibility.md.",
        "Only what an index states is changed. Exits with 1 where a part could not be checked.",
      ].join("\n"),
    )
    .option("--stack <name>", "stack whose proxy the requests take", "dev")
    .option("--index <url>", "index to ask instead of PyPI", "https://pypi.org/simple")
    .option("--torch-index <url>", "index with the CUDA builds of torch", "https://download.pytorch.org/whl")
    .option("--dry-run", "show what would change, write nothing", false)
    .option("--json", "print {changes, unchecked, notices, same, written} as one JSON object", false)
    .option("--page", "ask no index: only write docs/cuda-compatibility.md anew from the data", false)
    .action(lockCompat);
}

async function lockCompat(options: CompatOptions): Promise<void> {
  const data = cudaData();
  if (options.page) {
    const written = await writeData(data);
    return void console.log(written.length > 0 ? writtenLine(written) : "The page is as the data are.");
  }
  const proxies = readProxies(settingsOfStackFile(process.cwd(), options.stack).proxy);
  const pypi = new PackageIndex(options.index, { proxies });
  const pytorch = new PackageIndex(options.torchIndex, { proxies });

  const progress = createProgress();
  const step = "ask the package indexes";
  progress.step(step);
  const { stated, unchecked } = await askIndexes(data, {
    pypi,
    pytorch,
    onStep: (detail) => progress.step(step, detail),
  }).finally(() => progress.stop());
  const proposal = propose(data, stated);
  const next = applyChanges(data, proposal.changes, new Date().toISOString().slice(0, 10));
  const written = options.dryRun ? [] : await writeData(next);

  if (options.json)
    console.log(JSON.stringify({ ...proposal, unchecked, written: written.map(fromHere) }, undefined, 2));
  else console.log(describe(proposal, unchecked, { written, isDryRun: options.dryRun }).join("\n"));
  if (unchecked.length > 0) process.exitCode = 1;
}

function describe(
  { changes, same, notices }: Proposal,
  unchecked: Unchecked[],
  { written, isDryRun }: { written: string[]; isDryRun: boolean },
): string[] {
  const releases = groupByRelease(changes);
  return [
    ...[...releases].flatMap(([title, ofRelease]) => [title, ...ofRelease.flatMap(changeLines)]),
    `${changes.length} ${changes.length === 1 ? "fact differs" : "facts differ"} from what the indexes state, ${same} ${same === 1 ? "is" : "are"} the same.`,
    ...notices,
    ...unchecked.map(({ what, why }) => `Could not check ${what}: ${why}.`),
    isDryRun
      ? "Nothing was written (--dry-run)."
      : written.length > 0
        ? writtenLine(written)
        : "Nothing to write.",
  ];
}

function groupByRelease(changes: Change[]): Map<string, Change[]> {
  const releases = new Map<string, Change[]>();
  for (const change of changes) {
    const title = `${change.section} ${change.release}${change.from === undefined ? " (new)" : ""}`;
    releases.set(title, [...(releases.get(title) ?? []), change]);
  }
  return releases;
}

function changeLines({ property, from, to, source }: Change): string[] {
  const before = from === undefined ? [] : [`- ${property}: ${shown(from)}`];
  return [...before, `+ ${property}: ${shown(to)}  (${source})`];
}

function shown(value: unknown): string {
  if (value === null) return "not known";
  if (value === "") return "any";
  if (Array.isArray(value)) return value.join(" ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value as Record<string, string>)
    .map(([name, content]) => `${name} ${content}`)
    .join(", ");
}

function writtenLine(written: string[]): string {
  return `Written: ${written.map(fromHere).join(", ")}`;
}

function fromHere(path: string): string {
  return relative(process.cwd(), path);
}
