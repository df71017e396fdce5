import { valid } from "@renovatebot/pep440";
import { normalName } from "./lock-text.ts";

/** What the file name of a wheel says. */
export interface WheelName {
  /** Normal name, e.g. `"flash-attn"`. */
  name: string;
  /** Without a build label such as `+cu12torch2.7cxx11abiTRUE`; CUDA's own (`+cu128`) stays, as locks have it. */
  version: string;
  /** Local part of the version as written, e.g. `"cu12torch2.7cxx11abiTRUE"`. */
  label?: string;
  /** e.g. `["cp310"]`, or `["py2", "py3"]` */
  pythons: string[];
}

const wheel = /^([A-Za-z0-9._]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/;
const source = /^([A-Za-z0-9._-]+?)-(\d[^-]*?)\.(?:tar\.gz|tar\.bz2|zip)$/;
/** A local part that tells which of the index's builds it is, and not how somebody built the file. */
const ownBuild = /^(?:cu\d+|cpu|rocm\d[\d.]*|xpu)$/;

/**
 * Reads the name of a wheel or source archive, from a path or URL.
 * @example readWheelName("https://…/flash_attn-2.8.0.post2%2Bcu12torch2.7cxx11abiTRUE-cp310-cp310-linux_x86_64.whl") // flash-attn 2.8.0.post2, cp310
 */
export function readWheelName(location: string): WheelName | undefined {
  const file = decoded(location.replace(/[?#].*$/, "").replace(/^.*\//, ""));
  const match = wheel.exec(file) ?? source.exec(file);
  if (!match || !valid(match[2])) return undefined;
  const [plain = "", label] = match[2]!.split("+");
  return {
    name: normalName(match[1]!),
    version: label !== undefined && ownBuild.test(label) ? match[2]! : plain,
    ...(label !== undefined && { label }),
    pythons: file.endsWith(".whl") ? match[3]!.split(".") : [],
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone "%": then the name stands as it is
  }
}
