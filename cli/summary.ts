import Table from "cli-table3";
import prettyBytes from "pretty-bytes";
import { engineAt } from "../lib/docker/engine.ts";
import { readRun, type ImageEvent } from "../lib/images/history.ts";
import { cacheAddress } from "../lib/registry/cache-address.ts";
import { cacheCounters } from "../lib/registry/cache-counters.ts";
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
  const rows = await imageRows(settings.engine.host, result.images, events);
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
        cache: counters ?? null,
        standIns,
      }),
    );
    return;
  }
  if (rows.length > 0) console.log(`\n${imageTable(rows)}`);
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
  dockerHost: string,
  images: DeclaredImage[],
  events: ImageEvent[],
): Promise<ImageRow[]> {
  const sizes = await engineAt(dockerHost).imageSizes();
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
    };
  });
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
      row.smokeSeconds ? elapsed(row.smokeSeconds * 1000) : "",
    ]);
  }
  return table.toString();
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
    ["Take it all away", `npm run destroy${isSandbox ? " -- --purge" : ` -- --stack ${stack}`}`],
    ...(isSandbox ? [["Your GPU workstation", "README.md, “A workstation in ten minutes”"]] : []),
  ];
  return ["Next:", ...lines.map(([what, how]) => `  ${what?.padEnd(22)} ${how}`)].join("\n");
}
