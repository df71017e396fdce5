import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import { engineAt } from "../lib/docker/engine.ts";
import { readRun, type ImageEvent } from "../lib/images/history.ts";
import { outdatedContainers, outdatedLines } from "../lib/images/outdated-containers.ts";
import { shortVersion } from "../lib/images/promoted.ts";
import { readTagLedger } from "../lib/images/tag-ledger.ts";
import { runLines } from "../lib/report/run-lines.ts";
import { imageRunOf } from "../lib/report/runs.ts";
import type { ImageRun } from "../lib/report/types.ts";
import { cacheAddress } from "../lib/registry/cache-address.ts";
import { cacheCounters } from "../lib/registry/cache-counters.ts";
import { npmCommand } from "../lib/settings/commands.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { elapsed } from "./progress.ts";
import type { DeclaredImage, RunResult } from "./pulumi-run.ts";
import type { OpenStack } from "./stack-context.ts";

/** One image in the summary. Sizes in bytes. */
interface ImageRow {
  name: string;
  tags: string[];
  reference: string;
  size: number;
  /** Bytes that no other image shares. */
  unique: number;
  result: "built" | "reused" | "tagged" | "failed" | "unchanged";
  reasons: string[];
  seconds: number;
  smokeSeconds: number;
  /** Whether the smoke test that the image passed, now or earlier, had a GPU; null where it has no test. */
  smokeGpu: boolean | null;
  /** Held at an earlier version by the setting `pinnedVersions`. */
  pinned: boolean;
  /** What its build was made of; null where it was not built in this run. */
  build: Pick<ImageRun, "cachedSteps" | "ranSteps" | "slowest" | "pulledBytes"> | null;
}

/** Prints what a run came to: for people a table, for programs one JSON object. */
export async function printSummary(
  stack: OpenStack,
  result: RunResult,
  run: string,
  json: boolean,
): Promise<void> {
  const { settings, toolchain, sandbox } = stack;
  const events = await readRun(settings.stateDir, settings.stack, run);
  const rows = await imageRows(settings, result.images, events);
  const containers = await outdatedContainers(settings.stack, rows, engineAt(settings.engine.host));
  const counters = await cacheCounters(settings.registryCache.metricsPort);
  const standIns = [
    ...(sandbox?.standIns ?? []).map(({ name, what }) => `${name}: ${what}`),
    ...(toolchain.kind === "go-build" ? [toolchain.description] : []),
  ];
  if (json) {
    console.log(
      JSON.stringify({
        stack: settings.stack,
        changed: result.changes,
        images: rows,
        outdatedContainers: containers,
        cache: counters ?? null,
        standIns,
      }),
    );
    return;
  }
  if (rows.length > 0) console.log(`\n${imageTable(rows)}`);
  for (const line of runLines(events.map((event) => imageRunOf(event)))) console.log(line);
  for (const line of [...gpuLines(rows), ...pinnedLines(rows, settings.stack), ...outdatedLines(containers)])
    console.log(line);
  if (counters) {
    console.log(
      `Registry cache ${cacheAddress(settings.registryCache)}: ${counters.hits} of ${counters.requests} requests answered from the cache since it started, ${prettyBytes(counters.fetchedBytes)} fetched from its upstream.`,
    );
  }
  if (standIns.length > 0)
    console.log(
      `Stand-ins, because the real ones cannot be had here:\n${standIns.map((line) => `  ${line}`).join("\n")}`,
    );
  console.log(`\n${result.changes.length} changed (${result.seconds.toFixed(1)} s)`);
  console.log(nextSteps(settings.stack, sandbox !== undefined, rows));
}

async function imageRows(
  { engine, stateDir, pinnedVersions }: Settings,
  images: DeclaredImage[],
  events: ImageEvent[],
): Promise<ImageRow[]> {
  const docker = engineAt(engine.host);
  const sizes = await docker.imageSizes();
  const { promoted } = await readTagLedger(stateDir, (await docker.info()).id);
  return [...images].sort(basesFirst).map(({ name, tags, reference }) => {
    const event = events.findLast(({ image }) => image === name);
    const size = sizes.get(reference) ?? { size: 0, unique: 0 };
    return {
      name,
      tags,
      reference,
      ...size,
      result: event?.result ?? "unchanged",
      reasons: event?.reasons ?? [],
      seconds: event?.buildSeconds ?? 0,
      smokeSeconds: event?.smokeSeconds ?? 0,
      smokeGpu: event?.smokeGpu ?? promoted[reference]?.smokeGpu ?? null,
      pinned: name in pinnedVersions,
      build: event?.result === "built" ? buildOf(event) : null,
    };
  });
}

function buildOf(event: ImageEvent): ImageRow["build"] {
  const { cachedSteps, ranSteps, slowest, pulledBytes } = imageRunOf(event);
  return { cachedSteps, ranSteps, ...(slowest && { slowest }), pulledBytes };
}

function basesFirst(a: DeclaredImage, b: DeclaredImage): number {
  const rank = ({ name }: DeclaredImage) => ["cuda-base-devel", "cuda-base-runtime"].indexOf(name);
  return rank(b) - rank(a) || a.name.localeCompare(b.name);
}

function imageTable(rows: ImageRow[]): string {
  const table = new Table({
    head: ["image", "tag", "size", "unique", "result", "why", "build", "smoke test"],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    colWidths: [20, 26, 10, 10, 11, 34, 12, 12],
  });
  for (const row of rows) {
    table.push([
      row.name,
      row.tags.join("\n"),
      prettyBytes(row.size),
      prettyBytes(row.unique),
      row.result,
      shortReasons(row.reasons),
      row.seconds ? elapsed(row.seconds * 1000) : "",
      [row.smokeSeconds ? elapsed(row.smokeSeconds * 1000) : "", gpuWords(row)].filter(Boolean).join("\n"),
    ]);
  }
  return table.toString();
}

function gpuWords({ smokeGpu }: ImageRow): string {
  return smokeGpu === null ? "" : smokeGpu ? "with GPU" : "no GPU";
}

/** A test that had no GPU proves less than it looks. */
function gpuLines(rows: ImageRow[]): string[] {
  const names = rows.filter(({ smokeGpu }) => smokeGpu === false).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    `Tried without a GPU, since this engine has none: ${names.join(", ")}. With promote.requireGpu tags stay where they are then.`,
  ];
}

function pinnedLines(rows: ImageRow[], stack: string): string[] {
  return rows
    .filter(({ pinned }) => pinned)
    .map(
      ({ name, reference }) =>
        `Pinned: ${name} stays ${shortVersion(reference)}, whatever its files give; to release it: ${npmCommand("npm run rollback", stack, name, "--clear")}`,
    );
}

function shortReasons(reasons: string[]): string {
  const shown = reasons.slice(0, 3).join(", ");
  return reasons.length > 3 ? `${shown} and ${reasons.length - 3} more` : shown;
}

/** The variables by which services/compose.yaml finds this stack's images. */
function composeImages(rows: ImageRow[]): string {
  const services = rows.filter(({ name }) => ["whisperx", "infinitetalk"].includes(name));
  return services.map(({ name, tags }) => `${name.toUpperCase()}_IMAGE=${tags[0]} `).join("");
}

function nextSteps(stack: string, isSandbox: boolean, rows: ImageRow[]): string {
  const lines = [
    [
      "Run the services",
      `eval "$(npm run -s env -- --stack ${stack})" && ${composeImages(rows)}docker compose -f services/compose.yaml${isSandbox ? " -f services/compose.sandbox.yaml" : ""} up`,
    ],
    ["Reach this engine", `eval "$(npm run -s env -- --stack ${stack})"`],
    [
      "Add your own service",
      `a folder with a Dockerfile, and its name under gpu-build-host:services in Pulumi.${stack}.yaml`,
    ],
    ["Where the time went", npmCommand("npm run report", stack)],
    ["Take it all away", `npm run destroy${isSandbox ? " -- --purge" : ` -- --stack ${stack}`}`],
    ...(isSandbox ? [["Your GPU workstation", "README.md, “A workstation in ten minutes”"]] : []),
  ];
  return ["Next:", ...lines.map(([what, how]) => `  ${what?.padEnd(22)} ${how}`)].join("\n");
}
