import type { BuildStep } from "../images/build-progress.ts";
import type { History, ImageEvent } from "../images/history-types.ts";
import { inLanes, type UnplacedSpan } from "./lanes.ts";
import type { ImageRun, Run } from "./types.ts";

/** Milliseconds between images of a plain `pulumi up`, which leaves no name of its run: what lies further apart is another run. */
const longestPause = 10 * 60_000;

/** The runs that a history tells of, oldest first. */
export function runsOf({ events, runs }: Pick<History, "events" | "runs">): Run[] {
  const records = new Map(runs.map((record) => [record.run, record]));
  return groups(events).map((group) => {
    const record = records.get(group[0]!.run);
    const began = Math.min(...group.map(beginningOf), record ? Date.parse(record.began) : Infinity);
    const ended = Math.max(...group.map(({ time }) => Date.parse(time)));
    return {
      id: group[0]!.run || group[0]!.time,
      began: new Date(began).toISOString(),
      seconds: record?.seconds ?? rounded((ended - began) / 1000),
      result: record?.result ?? (group.some(({ result }) => result === "failed") ? "failed" : "unknown"),
      images: group.map((event) => imageRunOf(event, began)),
    };
  });
}

/** Events by run. */
function groups(events: ImageEvent[]): ImageEvent[][] {
  const found: ImageEvent[][] = [];
  const named = new Map<string, ImageEvent[]>();
  let nameless: ImageEvent[] | undefined;
  for (const event of events) {
    const pause = nameless ? beginningOf(event) - Date.parse(nameless.at(-1)!.time) : Infinity;
    const known = event.run ? named.get(event.run) : pause < longestPause ? nameless : undefined;
    if (known) known.push(event);
    else found.push([event]);
    const group = known ?? found.at(-1)!;
    if (event.run) named.set(event.run, group);
    else nameless = group;
  }
  return found;
}

/** Milliseconds since 1970. Format 1 has only the end, and how long build and smoke test took. */
function beginningOf({ began, time, buildSeconds, smokeSeconds }: ImageEvent): number {
  return began === undefined ? Date.parse(time) - (buildSeconds + smokeSeconds) * 1000 : Date.parse(began);
}

/** What one run did with one image; also for the lines after `up`. */
export function imageRunOf(event: ImageEvent, runBegan = beginningOf(event)): ImageRun {
  const { image, result, reasons, buildSeconds, smokeSeconds, steps, housekeeping = [] } = event;
  const slowest = [...steps, ...housekeeping].sort((a, b) => b.seconds - a.seconds)[0];
  return {
    image,
    result,
    reasons,
    buildSeconds,
    smokeSeconds,
    cachedSteps: steps.filter(({ cached }) => cached).length,
    ranSteps: steps.filter(({ cached }) => !cached).length,
    ...(slowest && slowest.seconds > 0 && { slowest: { what: slowest.name, seconds: slowest.seconds } }),
    pulledBytes: event.fetchedBytes,
    ...(event.error !== undefined && { error: event.error }),
    spans: inLanes(spansOf(event, runBegan)),
  };
}

function spansOf(event: ImageEvent, runBegan: number): UnplacedSpan[] {
  const { result, buildSeconds, smokeSeconds, steps, housekeeping = [] } = event;
  const since = (milliseconds: number): number => Math.max(0, rounded((milliseconds - runBegan) / 1000));
  const began = since(beginningOf(event));
  const ended = since(Date.parse(event.time));
  const timed = [...steps, ...housekeeping].filter((step) => step.began !== undefined);
  const spans: UnplacedSpan[] = timed.map((step) => {
    // A step that another image's build had begun already is shared: what counts here is the wait for it.
    const start = Math.max(began, since(Date.parse(step.began!)));
    const seconds = since(Date.parse(step.began!)) + step.seconds - start;
    return { what: step.name, kind: kindOf(step), start, seconds: Math.max(0, rounded(seconds)) };
  });
  if (result === "failed" && spans.every(({ kind }) => kind !== "failed"))
    spans.push(whatFailed(spans, began, ended));
  else if (spans.length === 0 && buildSeconds > 0)
    spans.push({ what: "build", kind: "build", start: began, seconds: buildSeconds });
  if (smokeSeconds > 0)
    spans.push({
      what: "smoke test",
      kind: "smoke",
      start: rounded(Math.max(0, ended - smokeSeconds)),
      seconds: smokeSeconds,
    });
  return spans;
}

/** Where no step failed it was what came after them, such as the smoke test, or it is not known. */
function whatFailed(spans: UnplacedSpan[], began: number, ended: number): UnplacedSpan {
  const start = Math.max(began, ...spans.map((span) => span.start + span.seconds));
  return { what: "failed", kind: "failed", start, seconds: rounded(Math.max(0, ended - start)) };
}

function kindOf({ name, cached, error }: BuildStep): UnplacedSpan["kind"] {
  if (error !== undefined) return "failed";
  if (cached) return "cached";
  if (/^\[context [^\]]*\] (?!load from client)|\] FROM |load metadata for/.test(name)) return "pull";
  if (/^(exporting|importing)|^[^[].*cache/.test(name)) return "export";
  return /^\[(internal|context)\b/.test(name) ? "context" : "step";
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
