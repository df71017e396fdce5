import { createHash } from "node:crypto";

/** Above this, files are shown by folder: the parts stand in Pulumi's state. */
const mostParts = 200;
const deepest = 6;

/**
 * Makes parts that people can read of a context's content; above 200 files one part stands for a folder.
 * @param content key such as `"file app/main.py"` → description
 */
export function groupParts(content: Map<string, string>): Record<string, string> {
  if (content.size <= mostParts) return Object.fromEntries(content);
  let groups = new Map<string, string[]>();
  for (const [key, value] of content) groups.set(key, [`${key} ${value}`]);
  // The deepest folders that are few enough; files of the topmost folder stand for themselves while they are.
  for (let depth = deepest; depth > 0 && groups.size > mostParts; depth--) groups = folded(groups, depth);
  if (groups.size > mostParts) groups = folded(groups, 0);
  return Object.fromEntries([...groups].map(([key, lines]) => [key, summary(lines)]));
}

function folded(parts: Map<string, string[]>, depth: number): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, lines] of parts) {
    const group = folderOf(key, depth);
    const together = groups.get(group);
    if (together) for (const line of lines) together.push(line);
    else groups.set(group, [...lines]);
  }
  return groups;
}

/** The folder at most `depth` levels deep, e.g. `"file app/"`; depth 0 is everything, `"files"`. */
function folderOf(key: string, depth: number): string {
  if (depth === 0) return "files";
  const folders = key.split("/").slice(0, -1);
  return folders.length === 0 ? key : `${folders.slice(0, depth).join("/")}/`;
}

function summary(lines: string[]): string {
  const hash = createHash("sha256").update(lines.sort().join("\n")).digest("hex").slice(0, 16);
  return lines.length === 1 ? lines[0]!.slice(lines[0]!.lastIndexOf(" ") + 1) : `${lines.length} entries ${hash}`;
}
