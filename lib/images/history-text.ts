import type { BuildStep } from "./build-progress.ts";
import type { History, ImageEvent, RunRecord } from "./history-types.ts";

/**
 * Reads the lines of a history, whichever version wrote them: a field that is missing gets the value that says nothing, one
 * that is unknown stays. A line without what makes an event is counted as unreadable.
 */
export function readHistoryText(text: string): History {
  const history: History = { events: [], runs: [], unreadable: [] };
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    const value = objectOf(line);
    const event = value && eventOf(value);
    const run = value && runOf(value);
    if (run) history.runs.push(run);
    else if (event) history.events.push(event);
    else history.unreadable.push(index + 1);
  });
  return history;
}

type Fields = Record<string, unknown>;

function objectOf(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const results = new Set(["built", "reused", "tagged", "failed"]);

function eventOf(value: Fields): ImageEvent | undefined {
  const { time, image, result } = value;
  if (!isTime(time) || typeof image !== "string" || !results.has(String(result))) return undefined;
  return {
    ...(value as Partial<ImageEvent>),
    ...{ time, image, result: result as ImageEvent["result"] },
    began: isTime(value["began"]) ? value["began"] : undefined,
    run: text(value["run"]),
    stack: text(value["stack"]),
    hash: text(value["hash"]),
    reference: text(value["reference"]),
    tags: texts(value["tags"]),
    reasons: texts(value["reasons"]),
    buildSeconds: amount(value["buildSeconds"]),
    smokeSeconds: amount(value["smokeSeconds"]),
    steps: steps(value["steps"]),
    housekeeping: steps(value["housekeeping"]),
    parts: isRecord(value["parts"]) ? (value["parts"] as Record<string, string>) : undefined,
    size: amount(value["size"]),
    fetchedBytes: amount(value["fetchedBytes"]),
  };
}

const ends = new Set(["done", "failed", "stopped"]);

function runOf(value: Fields): RunRecord | undefined {
  const { kind, run, began, result } = value;
  if (kind !== "run" || typeof run !== "string" || !isTime(began) || !ends.has(String(result)))
    return undefined;
  return {
    ...(value as unknown as RunRecord),
    seconds: amount(value["seconds"]),
    changed: amount(value["changed"]),
  };
}

function steps(value: unknown): BuildStep[] {
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).flatMap((entry) => {
    const step = (entry ?? {}) as Partial<BuildStep>;
    if (typeof step.name !== "string") return [];
    return [{ ...step, name: step.name, cached: step.cached === true, seconds: amount(step.seconds) }];
  });
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function amount(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.max(0, value) : 0;
}
