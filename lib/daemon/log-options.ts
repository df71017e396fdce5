import { closest, distance } from "fastest-levenshtein";

/** Rules of one log driver's options: each takes the text and says what it must be, or nothing. */
type Rules = Record<string, (value: string) => string | undefined>;

const free = () => undefined;
const matching = (pattern: RegExp, rule: string) => (value: string) =>
  pattern.test(value) ? undefined : `${rule}, got ${JSON.stringify(value)}`;

const count = matching(/^0*[1-9]\d*$/, 'must be a whole number from 1 on, as text such as "3"');
const yesOrNo = matching(/^(true|false)$/, 'must be "true" or "false"');
const sized = matching(/^(?=.*[1-9])\d+(?:\.\d+)? ?(?:[kmgtp]i?b?|b)?$/i, 'must be a size such as "10m"');

/** What every driver takes: writing without blocking the container, and the copy for `docker logs`. */
const common: Rules = {
  mode: matching(/^(blocking|non-blocking)$/, 'must be "blocking" or "non-blocking"'),
  "max-buffer-size": sized,
  "cache-disabled": yesOrNo,
  "cache-max-size": sized,
  "cache-max-file": count,
  "cache-compress": yesOrNo,
};

const files: Rules = { "max-size": sized, "max-file": count, compress: yesOrNo };

/** What the file drivers take; Docker looks at it with each new container, when it is too late. */
const RULES: Record<string, Rules> = {
  "json-file": {
    ...files,
    ...Object.fromEntries(["labels", "labels-regex", "env", "env-regex", "tag"].map((name) => [name, free])),
    ...common,
  },
  local: { ...files, ...common },
};

/**
 * Why every new container would fail with an option of a log driver. Other drivers than the two of files are not looked at;
 * where daemon.json may name any driver (undefined), only what none of them would take.
 */
export function logOptionProblem(
  driver: string | undefined,
  name: string,
  value: string,
): string | undefined {
  if (driver !== undefined && !Object.hasOwn(RULES, driver)) return undefined;
  const rules = RULES[driver ?? "json-file"]!;
  if (Object.hasOwn(rules, name)) {
    const rule = rules[name]!(value);
    return rule && `${rule}: every new container would fail`;
  }
  const known = Object.keys(rules);
  const nearest = closest(name, known);
  const isNear = distance(name, nearest) <= 2;
  if (!driver && !isNear) return undefined;
  const hint = isNear ? `did you mean "${nearest}"?` : `known are ${known.join(", ")}`;
  return `is no option of the log driver ${driver ?? "json-file"}, every new container would fail; ${hint}`;
}
