import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import type { IgnoreRules } from "./context-ignore.ts";
import { ContextSelector, type ContextEntry } from "./context-select.ts";
import type { FileHashCache } from "./file-hash-cache.ts";

const filesAtOnce = 8;
const batchSize = 1000;
const chunkBytes = 1 << 20;
/** Up to here reading at once is faster than going through the thread pool. */
const smallBytes = 64 << 10;

/** Hashes what builds take from one folder, each file once. */
export class ContextHasher {
  readonly selector: ContextSelector;
  private readonly root: string;
  private readonly cache: FileHashCache;
  private readonly reading = new Map<string, Promise<string>>();

  constructor(root: string, rules: IgnoreRules, cache: FileHashCache) {
    this.root = root;
    this.cache = cache;
    this.selector = new ContextSelector(root, rules);
  }

  /**
   * One short line for each entry: what BuildKit's own cache looks at (type, mode, bytes, link target), not times and owners.
   * @returns path → e.g. `"0644 3f5a0c…"`, `"folder 0755"`, `"link ../shared"`
   */
  async describe(entries: Iterable<ContextEntry>): Promise<Map<string, string>> {
    const described = new Map<string, string>();
    let unread: ContextEntry[] = [];
    const readThem = async (): Promise<void> => {
      const batch = unread;
      unread = [];
      await eachAtOnce(batch, filesAtOnce, async (entry) => {
        described.set(entry.path, `${describeWithoutContent(entry)}${await this.contentHash(entry)}`);
      });
    };
    for (const entry of entries) {
      if (described.has(entry.path)) continue;
      const hash = entry.type === "file" ? this.cache.get(entry.realPath, entry) : "";
      described.set(entry.path, `${describeWithoutContent(entry)}${hash ?? ""}`);
      if (hash === undefined && unread.push(entry) >= batchSize) await readThem();
    }
    await readThem();
    return described;
  }

  private contentHash(entry: ContextEntry): Promise<string> {
    let hash = this.reading.get(entry.realPath);
    if (!hash) {
      hash = this.readContentHash(entry).finally(() => this.reading.delete(entry.realPath));
      this.reading.set(entry.realPath, hash);
    }
    return hash;
  }

  private async readContentHash(entry: ContextEntry): Promise<string> {
    const path = join(this.root, entry.realPath);
    try {
      const hash = entry.size <= smallBytes ? hashOf(readFileSync(path)) : await hashLargeFile(path);
      this.cache.set(entry.realPath, entry, hash);
      return hash;
    } catch (error) {
      throw new UserError(
        `${path} belongs to a build's context and cannot be read: ${(error as Error).message}; fix it or name it in .dockerignore`,
      );
    }
  }
}

function describeWithoutContent(entry: ContextEntry): string {
  const mode = entry.mode.toString(8).padStart(4, "0");
  if (entry.type === "link") return `link ${entry.target}`;
  return entry.type === "file" ? `${mode} ` : `${entry.type} ${mode}`;
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

async function hashLargeFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return hash.digest("hex").slice(0, 16);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Runs `work` over all items, at most `limit` at once; the first failure ends it. */
export async function eachAtOnce<T>(
  items: T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
