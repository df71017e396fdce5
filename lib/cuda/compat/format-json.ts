/** Longest line of the project's files. */
const width = 110;

/** JSON as the project's formatter writes it: objects over several lines, a list of plain values on one line where it fits. */
export function formatJson(value: unknown): string {
  return `${format(value, 0, 0)}\n`;
}

/** @param used characters of the line that stand before and after the value. */
function format(value: unknown, depth: number, used: number): string {
  const inner = "  ".repeat(depth + 1);
  const outer = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const flat = `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    const isPlain = value.every((item) => typeof item !== "object" || item === null);
    if (value.length === 0 || (isPlain && outer.length + used + flat.length <= width)) return flat;
    return `[\n${value.map((item) => inner + format(item, depth + 1, 1)).join(",\n")}\n${outer}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, content]) => content !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([name, content]) => {
    const start = `${JSON.stringify(name)}: `;
    return inner + start + format(content, depth + 1, start.length + 1);
  });
  return `{\n${lines.join(",\n")}\n${outer}}`;
}
