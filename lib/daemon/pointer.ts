/** `["log-opts", "max-size"]` as a JSON pointer: `"/log-opts/max-size"`. */
export function pointerOf(path: string[]): string {
  return path.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The steps of a JSON pointer. */
export function pathOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The key at the top of daemon.json below which a pointer leads. */
export function topKey(pointer: string): string {
  return pathOf(pointer)[0] ?? "";
}

/** Whether one pointer is the other or leads below it. */
export function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

/** As a person reads it: `"log-opts.max-size"`. */
export function dotted(pointer: string): string {
  return pathOf(pointer).join(".");
}
