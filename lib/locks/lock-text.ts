/** A lock file for Python packages, as uv and pip read it: a heading, then one entry a package with its hashes. */
export interface Lock {
  /** Comment lines at the top, without their `# `. */
  heading: string[];
  /** Text of each entry by package name, in the file's order. */
  entries: Map<string, LockEntry>;
}

export interface LockEntry {
  /** `"2.7.1+cu128"`, or the URL of `name @ https://…`. */
  version: string;
  /** All of the entry's lines, hashes included. */
  text: string;
}

const entryStart = /^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;\\]+)|@\s*([^\s;\\]+))/;

/** Takes a lock file apart. Comments between entries are dropped; what is no entry is ignored. */
export function parseLock(text: string): Lock {
  const heading: string[] = [];
  const entries = new Map<string, LockEntry>();
  let current: LockEntry | undefined;
  for (const line of text.split("\n")) {
    const start = entryStart.exec(line);
    if (start) {
      current = { version: start[2] ?? start[3]!, text: line };
      entries.set(normalName(start[1]!), current);
    } else if (line.startsWith("#") && !current) heading.push(line.replace(/^#\s?/, ""));
    else if (current && line.trim().startsWith("--hash=")) current.text += `\n${line}`;
  }
  return { heading, entries };
}

/** The file that `parseLock` reads back. */
export function formatLock({ heading, entries }: Lock): string {
  const lines = [
    ...heading.map((line) => `# ${line}`.trimEnd()),
    ...[...entries.values()].map((entry) => entry.text),
  ];
  return `${lines.join("\n")}\n`;
}

/** `name==version` of every entry, as a constraint or a preference for uv. */
export function pins(lock: Lock): string[] {
  return [...lock.entries]
    .filter(([, { version }]) => !version.includes("://"))
    .map(([name, { version }]) => `${name}==${version}`);
}

/** The one spelling of a package's name: `"Ruamel.YAML"` is `"ruamel-yaml"`. */
export function normalName(name: string): string {
  return name.replaceAll(/[-_.]+/g, "-").toLowerCase();
}
