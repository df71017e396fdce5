import type { IndexFile } from "./package-index.ts";

/** Whether a wheel runs on Linux x86-64. */
export function isForLinux(file: IndexFile): boolean {
  const platform = tagsOf(file).platform;
  return platform === "any" || /linux.*x86_64/.test(platform);
}

/** Python that a wheel is for, e.g. `"3.10"`; undefined for one that fits several, and for those without the GIL. */
export function pythonOf(file: IndexFile): string | undefined {
  const { python, abi } = tagsOf(file);
  const found = /^cp3(\d+)$/.exec(python);
  return found && abi === python ? `3.${found[1]}` : undefined;
}

/** The version without its local part, and that part: `["2.7.1", "cu128"]`. */
export function splitVersion(version: string): [string, string | undefined] {
  const [release = "", local] = version.replace("%2B", "+").split("+");
  return [release, local];
}

function tagsOf(file: IndexFile): { python: string; abi: string; platform: string } {
  const [platform = "", abi = "", python = ""] = file.name
    .replace(/\.whl$/, "")
    .split("-")
    .reverse();
  return { python, abi, platform };
}
