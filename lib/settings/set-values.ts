import { parse } from "yaml";
import { UserError } from "../errors.ts";
import { schema } from "./schema.ts";

/** One change of a setting, as `--set` takes it. */
export interface SetValue {
  /** e.g. `["cudaBase", "cuda"]` */
  path: string[];
  /** Undefined: the setting is taken out, so that its default holds. */
  text: string | undefined;
}

/**
 * Reads `"cudaBase.cuda=13.0"`; `"cudaBase.packageIndex="` takes a setting out. A name with a dot stands in quotes:
 * `services["my.app"].context=x`.
 *
 * @throws UserError where it is no change of a setting.
 */
export function readSetValue(argument: string): SetValue {
  const [, key, text] = /^(?:gpu-build-host:)?([^=]+?)=(.*)$/s.exec(argument) ?? [];
  const steps = key === undefined ? undefined : stepsOf(key);
  if (!steps)
    throw new UserError(
      `--set "${argument}" must be key=value, such as --set cudaBase.cuda=13.0; key= takes a setting out`,
    );
  return { path: steps, text: text === "" ? undefined : text };
}

function stepsOf(key: string): string[] | undefined {
  const steps: string[] = [];
  let rest = `.${key}`;
  while (rest !== "") {
    const step = /^\.([^.[\]"]+)|^\[(\d+)\]|^\["([^"]*)"\]/.exec(rest);
    if (!step) return undefined;
    steps.push((step[1] ?? step[2] ?? step[3])!);
    rest = rest.slice(step[0].length);
  }
  return steps;
}

/** The settings with changes; whether they are allowed is not asked here. The values that came in stay as they are. */
export function withSetValues(
  values: Record<string, unknown>,
  changes: readonly SetValue[],
): Record<string, unknown> {
  return changes.reduce((changed, { path, text }) => {
    const candidates = text === undefined ? [undefined] : [text, ...typed(text)];
    const results = candidates.map((value) => put(changed, path, value) as Record<string, unknown>);
    // 13.0 is text where a version is wanted, and 5000 a number where a port is.
    return results.find((result) => isFine(result, path)) ?? results[0]!;
  }, values);
}

/** What a text may mean beside itself: a number, a list. */
function typed(text: string): unknown[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    return [];
  }
  const list = text.split(",").map((item) => item.trim());
  return [...(typeof value === "string" || value === null ? [] : [value]), list];
}

/** A copy with a value at a path; undefined takes the key away. Where a path leads into text, that text is replaced. */
function put(into: unknown, path: readonly string[], value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(into) && /^\d+$/.test(step)) {
    const copy = [...(into as unknown[])];
    copy[Number(step)] = put(copy[Number(step)], rest, value);
    return copy;
  }
  const entries = Object.entries(into !== null && typeof into === "object" ? into : {});
  const inner = put(entries.find(([key]) => key === step)?.[1], rest, value);
  const others = entries.filter(([key]) => key !== step);
  return Object.fromEntries(inner === undefined ? others : [...others, [step, inner]]);
}

function isFine(values: Record<string, unknown>, path: string[]): boolean {
  const result = schema.safeParse(values, { reportInput: false });
  if (result.success) return true;
  return !result.error.issues.some(({ path: at }) =>
    path.slice(0, at.length).every((step, index) => step === String(at[index])),
  );
}
