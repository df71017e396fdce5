import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";

/**
 * A file that changed this shortly before it was read may change again without a visible sign, as in git's index ("racily
 * clean"): it is read again next time. FAT has the coarsest times, two seconds; Linux's own file systems milliseconds.
 */
const settleMilliseconds = 2500;

/** What tells one state of a file from another without reading it. */
export interface FileStamp {
  /** Size, times, inode and mode in one text. */
  stamp: string;
  /** Milliseconds since 1970 of the last change of any of these, by the file system's own word. */
  changedAt: number;
}

/**
 * Remembers the hashes of one folder's files between runs, by size, times, inode and mode: an unchanged 10 GB folder is not read again.
 * A damaged memory is dropped.
 */
export class FileHashCache {
  private readonly path: string;
  /** Path → stamp, a space, hash. */
  private readonly known: Map<string, string>;
  private readonly used = new Set<string>();
  private readonly openedAt = Date.now();
  private changed = false;

  private constructor(path: string, known: Map<string, string>) {
    this.path = path;
    this.known = known;
  }

  /** Opens the memory of the folder `root` in the state folder. */
  static async open(stateDir: string, root: string): Promise<FileHashCache> {
    const path = join(
      stateDir,
      "file-hashes",
      `${createHash("sha256").update(root).digest("hex").slice(0, 16)}.json`,
    );
    return new FileHashCache(path, await readMemory(path));
  }

  /** Hash of an unchanged file, or undefined. */
  get(path: string, file: FileStamp): string | undefined {
    const entry = this.known.get(path);
    if (entry === undefined || !entry.startsWith(`${file.stamp} `)) return undefined;
    this.used.add(path);
    return entry.slice(file.stamp.length + 1);
  }

  /** Remembers a file's hash; `file` is its stamp from before it was read. */
  set(path: string, file: FileStamp, hash: string): void {
    if (file.changedAt > this.openedAt - settleMilliseconds) return;
    this.known.set(path, `${file.stamp} ${hash}`);
    this.used.add(path);
    this.changed = true;
  }

  /** Writes the memory if anything is new in it. Where most of it was of no use it shrinks to what was. */
  async save(): Promise<void> {
    if (!this.changed) return;
    const stale = this.known.size > 2 * this.used.size + 1000;
    const body = JSON.stringify([...this.known].filter(([path]) => !stale || this.used.has(path)));
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.path, `${checksum(body)}\n${body}`, { mode: 0o600 });
    this.changed = false;
  }
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function readMemory(path: string): Promise<Map<string, string>> {
  try {
    const text = await readFile(path, "utf8");
    const body = text.slice(text.indexOf("\n") + 1);
    if (!text.startsWith(`${checksum(body)}\n`)) return new Map();
    const entries = JSON.parse(body) as [string, string][];
    return entries.every((entry) => typeof entry[1] === "string") ? new Map(entries) : new Map();
  } catch {
    return new Map(); // never written, or damaged: files are read again
  }
}
