import { mkdir, readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { parseDocument, YAMLMap, type Document } from "yaml";
import { UserError } from "../errors.ts";
import { familiarName, parseReference } from "./image-reference.ts";

/** Digests of external images, by reference. */
export interface ExternalDigests {
  /** Digest of e.g. `"nvidia/cuda:12.8.1-base-ubuntu22.04"`. Throws a UserError where it cannot be found out. */
  digestOf(reference: string): Promise<string>;
}

const heading =
  " Digests of the external images that builds stand on. Filled in by itself, changed only by: npm run lock -- digests";

/** `images.lock.yaml`: which digest each external image has for this stack. Comments and order stay as people leave them. */
export class ImageLockFile implements ExternalDigests {
  readonly path: string;
  private readonly document: Document;
  private readonly fetchDigest: ((reference: string) => Promise<string>) | undefined;
  private readonly asked = new Map<string, Promise<string>>();
  private readonly changes = new Map<string, string>();

  private constructor(
    path: string,
    document: Document,
    fetchDigest: ((reference: string) => Promise<string>) | undefined,
  ) {
    this.path = path;
    this.document = document;
    this.fetchDigest = fetchDigest;
  }

  /**
   * Reads the file; a missing one counts as empty.
   * @param fetchDigest asks a registry for a missing entry; without it a missing entry is an error
   */
  static async open(
    path: string,
    fetchDigest?: (reference: string) => Promise<string>,
  ): Promise<ImageLockFile> {
    return new ImageLockFile(path, await readDocument(path), fetchDigest);
  }

  /** All entries, reference → digest. */
  entries(): Record<string, string> {
    return (this.document.toJS() as { images?: Record<string, string> } | null)?.images ?? {};
  }

  async digestOf(reference: string): Promise<string> {
    const key = lockKey(reference);
    const locked = this.document.getIn(["images", key]);
    if (locked !== undefined) {
      if (typeof locked === "string" && /^sha256:[0-9a-f]{64}$/.test(locked)) return locked;
      throw new UserError(
        `${shown(this.path)}: images.${key} must be "sha256:" and 64 hexadecimal digits, got ${JSON.stringify(locked)}`,
      );
    }
    let answer = this.asked.get(key);
    if (!answer) {
      answer = this.fetch(key);
      this.asked.set(key, answer);
    }
    return answer;
  }

  /** Sets an entry; returns whether that changed it. */
  set(reference: string, digest: string): boolean {
    const key = lockKey(reference);
    if (this.document.getIn(["images", key]) === digest) return false;
    this.document.setIn(["images", key], digest);
    this.changes.set(key, digest);
    return true;
  }

  /** Writes the file if an entry changed; returns whether it did. What another run wrote meanwhile stays. */
  async save(): Promise<boolean> {
    if (this.changes.size === 0) return false;
    const document = await readDocument(this.path);
    for (const [key, digest] of this.changes) document.setIn(["images", key], digest);
    await mkdir(dirname(this.path), { recursive: true });
    await writeFileAtomic(this.path, document.toString({ lineWidth: 0 }));
    this.changes.clear();
    return true;
  }

  private async fetch(key: string): Promise<string> {
    if (!this.fetchDigest)
      throw new UserError(`${shown(this.path)} has no digest of ${key}; run npm run lock -- digests`);
    const digest = await this.fetchDigest(key);
    this.set(key, digest);
    return digest;
  }
}

async function readDocument(path: string): Promise<Document> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw new UserError(`${shown(path)} cannot be read: ${error.message}`);
  });
  const document = parseDocument(text);
  const problem = document.errors[0]?.message.split("\n")[0];
  if (problem)
    throw new UserError(`${shown(path)}: ${problem}; repair it, or delete it to have it filled again`);
  if (document.contents === null) {
    document.contents = document.createNode({}) as unknown as typeof document.contents;
    document.commentBefore ??= heading;
  }
  const images = document.get("images");
  if (!(document.contents instanceof YAMLMap) || (images !== undefined && !(images instanceof YAMLMap)))
    throw new UserError(
      `${shown(path)} must have the form "images: {reference: sha256:…}"; repair it, or delete it to have it filled again`,
    );
  return document;
}

/** The spelling of a reference in the lock file, e.g. `"busybox:latest"`. */
function lockKey(reference: string): string {
  const parsed = parseReference(reference);
  return parsed ? familiarName(parsed) : reference;
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
