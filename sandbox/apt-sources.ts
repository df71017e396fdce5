import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** One archive of Debian packages as apt's sources name it. */
export interface AptSource {
  /** Address of the archive, e.g. the part before `dists/`. */
  uri: string;
  /** e.g. `"bookworm"`, `"bookworm-updates"`, `"bookworm-security"`. */
  suite: string;
  components: string[];
  /** Path of the keyring, where the entry names one. */
  signedBy?: string;
}

/** The machine's own sources of binary packages, from both of apt's file formats. */
export function machineAptSources(folder = "/etc/apt"): AptSource[] {
  const parts = list(join(folder, "sources.list.d")).map((name) => join(folder, "sources.list.d", name));
  return [join(folder, "sources.list"), ...parts].flatMap((file) => {
    if (file.endsWith(".sources")) return parseDeb822(read(file));
    return file.endsWith(".list") ? parseOneLine(read(file)) : [];
  });
}

/** Parses the stanza format of `*.sources`. */
export function parseDeb822(text: string): AptSource[] {
  const stanzas = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join("\n")
    .split(/\n[ \t]*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = deb822Fields(stanza);
    const words = (name: string) => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
    if (!words("types").includes("deb") || /^(no|false|0|off)$/i.test(fields.get("enabled") ?? "yes"))
      return [];
    const key = fields.get("signed-by");
    return words("uris").flatMap((uri) =>
      words("suites").map((suite) =>
        source(uri, suite, words("components"), key?.startsWith("/") ? key : undefined),
      ),
    );
  });
}

/** Parses the one-line format of `sources.list`. */
export function parseOneLine(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^deb\s+(?:\[(?<options>[^\]]*)\]\s+)?(?<uri>\S+)\s+(?<suite>\S+)(?<components>[^#]*)/.exec(
      line.trim(),
    );
    if (!match?.groups) return [];
    const { options, uri, suite, components } = match.groups;
    const key = /signed-by=(\/[^\s,]+)/.exec(options ?? "")?.[1];
    return [source(uri!, suite!, (components ?? "").split(/\s+/).filter(Boolean), key)];
  });
}

/**
 * The same archives for another release: entries of `from` (also its `-updates` and `-security`) rewritten to `to`.
 *
 * @example rewriteSuite(sources, "bookworm", "trixie")
 */
export function rewriteSuite(sources: AptSource[], from: string, to: string): AptSource[] {
  return sources
    .filter(
      ({ suite, components }) =>
        [from, `${from}-updates`, `${from}-security`].includes(suite) && components.includes("main"),
    )
    .map((entry) => ({ ...entry, suite: entry.suite.replace(from, to), components: ["main"] }));
}

/** Text of a `sources.list` for these sources. */
export function formatSources(sources: AptSource[], options: { keyrings: boolean }): string {
  return sources
    .map(({ uri, suite, components, signedBy }) => {
      const key = options.keyrings && signedBy ? `[signed-by=${signedBy}] ` : "";
      return `deb ${key}${uri} ${suite} ${components.join(" ")}\n`;
    })
    .join("");
}

function source(uri: string, suite: string, components: string[], signedBy: string | undefined): AptSource {
  return { uri, suite, components, ...(signedBy ? { signedBy } : {}) };
}

function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of stanza.split("\n")) {
    const start = /^([A-Za-z][A-Za-z-]*):(.*)$/.exec(line);
    if (start) {
      name = start[1]!.toLowerCase();
      fields.set(name, start[2]!.trim());
    } else if (name && /^\s/.test(line)) {
      fields.set(name, `${fields.get(name)} ${line.trim()}`.trim());
    }
  }
  return fields;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
