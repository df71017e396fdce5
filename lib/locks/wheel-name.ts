import { valid } from "@renovatebot/pep440";
import { normalName } from "./lock-text.ts";

/** What the file name of a wheel says. */
export interface WheelName {
  /** Normal name, e.g. `"flash-attn"`. */
  name: string;
  /** With its label, e.g. `"2.8.0.post2+cu12torch2.7cxx11abiTRUE"`. */
  version: string;
  /** The one Python version that it is for, e.g. `"3.10"`; undefined where others take it too. */
  python?: string;
}

const wheel = /^([A-Za-z0-9._]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/;
const source = /^([A-Za-z0-9._-]+?)-(\d[^-]*?)\.(?:tar\.gz|tar\.bz2|zip)$/;

/**
 * Reads the name of a wheel or source archive, from a path or URL.
 * @example readWheelName("https://…/flash_attn-2.8.0.post2%2Bcu12torch2.7cxx11abiTRUE-cp310-cp310-linux_x86_64.whl") // flash-attn 2.8.0.post2+cu12torch2.7cxx11abiTRUE, 3.10
 */
export function readWheelName(location: string): WheelName | undefined {
  const file = decoded(location.replace(/[?#].*$/, "").replace(/^.*\//, ""));
  const match = wheel.exec(file) ?? source.exec(file);
  if (!match || !valid(match[2])) return undefined;
  const python = /^cp(\d)(\d+)$/.exec(match[4] ?? "");
  return {
    name: normalName(match[1]!),
    version: match[2]!,
    ...(python && { python: `${python[1]}.${python[2]}` }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone "%": then the name stands as it is
  }
}
