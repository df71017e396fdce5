import { satisfies } from "@renovatebot/pep440";

/** What one side of a clash asks of a package. */
export interface Wanted {
  /** Package, or `"Python"`. */
  name: string;
  /** e.g. `">=2.7.1,<2.8.dev0"` */
  specifiers: string;
  /** Who asks, e.g. `"whisperx==3.7.3"`; `"requirements"` that were to be resolved, `"constraints"` that must hold. */
  by: string;
}

/** Why nothing fits, read from uv's words. */
export interface Conflict {
  kind:
    | "clash"
    | "no-version"
    | "no-package"
    | "no-wheel"
    | "python"
    | "yanked"
    | "needs-build"
    | "offline"
    | "other";
  /** One line for a person, values included. */
  line: string;
  /** For `needs-build`: the package that has sources only. */
  sources?: string;
  wanted: Wanted[];
}

export interface ConflictOptions {
  /** Name of the project that the requirements were given as; uv names it as the one who asks. */
  project: string;
  /** `name==version` lines that had to hold; uv names them as if they were facts. */
  constraints?: string[];
}

const specifier = String.raw`(?:===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+`;
const range = String.raw`${specifier}(?:,${specifier})*`;
const subject = String.raw`[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?(?:\{[^}]*\})?(?:${range})?`;
const premise = /(?:^|\s)(?:And because|Because)\s+([\s\S]*?),?\s+we can conclude that/g;
const depends = new RegExp(
  String.raw`(${subject}) depends on (${subject}(?: and ${subject}(?=\s|$)(?! depends on| was | has | needs ))*)`,
  "g",
);

/**
 * Reads the message of a `uv pip compile` that found no solution; undefined where it is about something else (no
 * network, a file that is missing).
 * @example readConflict("… Because xformers==0.0.31.post1 depends on torch==2.7.1 and …")?.line
 * // "xformers 0.0.31.post1 needs torch ==2.7.1, and the requirements say torch ==2.8.0"
 */
export function readConflict(words: string, options: ConflictOptions): Conflict | undefined {
  const text = words.replace(/\r/g, "");
  if (!text.includes("No solution found")) return undefined;
  const [proof = "", ...hints] = text.split(/\n\s*hint:/);
  const premises = [...proof.matchAll(premise)].map((match) => match[1]!.replace(/\s+/g, " "));
  const wanted = premises.flatMap((one) => wantedIn(one, options));
  return (
    readBuild(hints, wanted) ??
    readOffline(premises, wanted) ??
    readPython(premises, wanted) ??
    readAbsent(premises, hints, wanted) ??
    readClash(wanted) ??
    readLast(premises, wanted)
  );
}

/** `X depends on Y` of one premise; what uv concludes from premises is left out. */
function wantedIn(text: string, { project, constraints = [] }: ConflictOptions): Wanted[] {
  const found: Wanted[] = [];
  for (const [, by = "", list = ""] of text.matchAll(depends)) {
    for (const [at, one] of list.split(" and ").entries()) {
      const { name, specifiers } = cut(one);
      const isOwn = nameOf(by) === project;
      // uv says of a constraint on a required package that the project depends on it.
      const isConstraint = (at > 0 || isOwn) && constraints.includes(`${name}${specifiers}`);
      const who = isConstraint ? "constraints" : isOwn ? "requirements" : plain(by);
      found.push({ name, specifiers, by: who });
    }
  }
  const bare = new RegExp(String.raw`(?:^|and )(${subject})(?: and |$)`, "g");
  for (const [, one = ""] of text.matchAll(bare)) {
    const { name, specifiers } = cut(one);
    const isNew = !found.some((other) => other.by === "constraints" && other.name === name);
    if (isNew && constraints.includes(`${name}${specifiers}`))
      found.push({ name, specifiers, by: "constraints" });
  }
  return found;
}

function readBuild(hints: string[], wanted: Wanted[]): Conflict | undefined {
  const name = hints.map((hint) => /Wheels are required for `([^`]+)`/.exec(hint)?.[1]).find(Boolean);
  if (name === undefined) return undefined;
  return {
    kind: "needs-build",
    sources: name,
    line: `${name} has sources only, and what it needs is known once it is built`,
    wanted,
  };
}

function readOffline(premises: string[], wanted: Wanted[]): Conflict | undefined {
  if (!premises.some((one) => one.includes("needs to be downloaded from a registry"))) return undefined;
  return { kind: "offline", line: "the package index cannot be asked", wanted };
}

function readPython(premises: string[], wanted: Wanted[]): Conflict | undefined {
  for (const one of premises) {
    const match = /requested Python version \(>=([\d.]+)\) does not satisfy Python(\S+)/.exec(one);
    const by = wanted.find(({ name }) => name === "Python")?.by;
    if (!match || by === undefined) continue;
    const line = `${spaced(by)} needs Python ${match[2]}, and the base has ${match[1]}`;
    const base = { name: "Python", specifiers: `==${match[1]}`, by: "constraints" };
    return { kind: "python", line, wanted: [{ name: "Python", specifiers: match[2]!, by }, base] };
  }
  return undefined;
}

/** A package or version that is not there, or that nobody may take. */
function readAbsent(premises: string[], hints: string[], wanted: Wanted[]): Conflict | undefined {
  if (premises.length > 2) return undefined; // one reason of many: the last sentence says more
  for (const one of premises) {
    const missing = /(\S+) was not found in the package registry/.exec(one)?.[1];
    if (missing) return { kind: "no-package", line: `the package index has no ${missing}`, wanted };
    const version = /there (?:is|are) no versions? of (\S+?),?(?: |$)/.exec(one)?.[1];
    if (version)
      return {
        kind: "no-version",
        line: `the package index has no ${spaced(version)}${published(hints)}`,
        wanted,
      };
    const yanked = /(\S+) was yanked \(reason: (.*?)\)/.exec(one);
    if (yanked) {
      const line = `${spaced(yanked[1]!)} was yanked (${yanked[2]}), so only ==${cut(yanked[1]!).specifiers.replace(/^=+/, "")} takes it`;
      return { kind: "yanked", line, wanted };
    }
    const wheel = /(\S+) has no wheels with a matching ([\w ]+?) tag \(e\.g\., `([^`]+)`\)/.exec(one);
    if (wheel) {
      const line = `${spaced(wheel[1]!)} has no wheel for ${wheel[3]}`;
      return { kind: "no-wheel", line, wanted };
    }
  }
  return undefined;
}

/** A date limit hides versions that are there. */
function published(hints: string[]): string {
  const match = hints.map((hint) => /only include packages uploaded before (\S+?)T/.exec(hint)).find(Boolean);
  return match ? ` from before ${match[1]}, the limit in requirements.in (exclude-newer)` : "";
}

/** Two that ask for different versions of one package. */
function readClash(wanted: Wanted[]): Conflict | undefined {
  for (const one of wanted) {
    const exact = /^={2,3}([^*,]+)$/.exec(one.specifiers)?.[1];
    if (exact === undefined) continue;
    const other = wanted.find(
      ({ name, specifiers, by }) =>
        (isOurs(one) || isOurs({ by }) || wanted.length <= 6) &&
        name === one.name &&
        by !== one.by &&
        specifiers !== "" &&
        !satisfies(exact, specifiers),
    );
    if (other) return clash(other, one);
  }
  const [first, second] = wanted.flatMap((one) => {
    const other = wanted.find(({ name, by }) => name === one.name && by !== one.by);
    return other ? [one, other] : [];
  });
  const both = wanted.filter(({ by }) => by === "requirements");
  if (first && second && wanted.length <= 4) return clash(first, second);
  const twice = both.find((one, at) => both.findIndex(({ name }) => name === one.name) < at);
  if (!twice) return undefined;
  const all = both.filter(({ name }) => name === twice.name);
  const line = `the requirements ask for ${twice.name} ${all.map(({ specifiers }) => specifiers).join(" and ")}`;
  return { kind: "clash", line, wanted: all };
}

function clash(one: Wanted, other: Wanted): Conflict {
  // A package speaks first, then what the stack says.
  const [a, b] = isOurs(one) && !isOurs(other) ? [other, one] : [one, other];
  const says = { requirements: "the requirements say", constraints: "the base has" }[b.by];
  const second = says === undefined ? `${spaced(b.by)} needs ${worded(b)}` : `${says} ${worded(b)}`;
  const first = isOurs(a) ? `the requirements say ${worded(a)}` : `${spaced(a.by)} needs ${worded(a)}`;
  return { kind: "clash", line: `${first}, and ${second}`, wanted: [a, b] };
}

/** A proof of many steps: its last one names the requirements that do not go together. */
function readLast(premises: string[], wanted: Wanted[]): Conflict {
  const ours = wanted.filter(isOurs);
  const shown = ours.length > 0 ? [...new Set(ours.map(worded))].join(" and ") : "";
  const line = shown
    ? `no versions go together with ${shown}`
    : (premises.at(-1) ?? "no versions go together").slice(0, 200);
  return { kind: "other", line, wanted: ours };
}

function isOurs({ by }: Pick<Wanted, "by">): boolean {
  return by === "requirements" || by === "constraints";
}

function worded({ name, specifiers }: Wanted): string {
  return `${name} ${specifiers.replace(/^==(?=[^,]+$)/, "")}`.trim();
}

/** `"whisperx==3.7.3"` as `"whisperx 3.7.3"`. */
function spaced(package_: string): string {
  const { name, specifiers } = cut(package_);
  return worded({ name, specifiers, by: "" });
}

function cut(text: string): { name: string; specifiers: string } {
  const bare = plain(text);
  const at = bare.search(/[=~!<>]/);
  return at < 0 ? { name: bare, specifiers: "" } : { name: bare.slice(0, at), specifiers: bare.slice(at) };
}

function nameOf(text: string): string {
  return cut(text).name;
}

/** Without extras and markers, e.g. `numpy{python_full_version < '3.13'}>=2`. */
function plain(text: string): string {
  return text.replace(/\{[^}]*\}|\[[^\]]*\]/g, "");
}
