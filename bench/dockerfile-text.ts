/** Sets the default of an argument: the line `ARG NAME="…"`. Left alone where there is no such line. */
export function withDefault(dockerfile: string, name: string, value: string): string {
  return dockerfile.replaceAll(new RegExp(`^ARG ${name}=.*$`, "gm"), () => `ARG ${name}="${value}"`);
}

/**
 * Moves the line that copies the code, `COPY . /app` or `COPY app /app/app`, above everything that the last stage runs:
 * the order that the guide warns of.
 *
 * @throws where the last stage has no such line
 */
export function copyEarly(dockerfile: string): string {
  const lines = dockerfile.split("\n");
  const from = lines.findLastIndex((line) => line.startsWith("FROM "));
  const copy = lines.findLastIndex((line) => /^COPY (\.|app) \/app/.test(line));
  if (copy < from || from < 0) throw new Error("this Dockerfile copies no code into /app in its last stage");
  const [moved = ""] = lines.splice(copy, 1);
  lines.splice(from + 1, 0, moved);
  return lines.join("\n");
}
