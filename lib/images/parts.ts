import { createHash, type Hash } from "node:crypto";

/** Above this, files are shown by folder: the parts stand in Pulumi's state. */
const mostParts = 200;
const deepest = 6;

/**
 * Makes parts that people can read of a context's content; above 200 files one part stands for a folder.
 * @param content sorted keys such as `"file app/main.py"` → description
 */
export function groupParts(content: Map<string, string>): Record<string, string> {
  if (content.size <= mostParts) return Object.fromEntries(content);
  let depth = deepest;
  while (depth > 0 && !isFew(content, depth)) depth--;
  const groups = new Map<string, { hash: Hash; entries: number }>();
  for (const [key, value] of content) {
    const name = folderOf(key, depth);
    let group = groups.get(name);
    if (!group) groups.set(name, (group = { hash: createHash("sha256"), entries: 0 }));
    group.hash.update(`${key}\0${value}\n`);
    group.entries++;
  }
  return Object.fromEntries(
    [...groups].map(([name, { hash, entries }]) => {
      const alone = entries === 1 ? content.get(name) : undefined;
      return [
        name,
        alone ?? `${entries} ${entries === 1 ? "entry" : "entries"} ${hash.digest("hex").slice(0, 16)}`,
      ];
    }),
  );
}

function isFew(content: Map<string, string>, depth: number): boolean {
  const names = new Set<string>();
  for (const key of content.keys()) if (names.add(folderOf(key, depth)).size > mostParts) return false;
  return true;
}

/** The folder at most `depth` levels deep, e.g. `"file app/"`; a file of the topmost folder itself; depth 0 is everything, `"files"`. */
function folderOf(key: string, depth: number): string {
  if (depth === 0) return "files";
  let end = -1;
  for (let level = 0; level < depth; level++) {
    const next = key.indexOf("/", end + 1);
    if (next < 0) break;
    end = next;
  }
  return end < 0 ? key : key.slice(0, end + 1);
}
