import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { uvVersion, type Resolution } from "./uv.ts";

/** How long an index's answer counts: releases and yanks come every day. */
const maxAgeMs = 24 * 60 * 60 * 1000;

/** What is kept of an answer of uv. */
const keptSchema = z.strictObject({
  /** Milliseconds since 1970. */
  askedAt: z.number(),
  /** Version by package where it resolves; else uv's words. */
  versions: z.record(z.string(), z.string()).optional(),
  words: z.string().optional(),
  /** Packages that were left out: they have sources only, which nobody built to know what they need. */
  without: z.array(z.string()).optional(),
});

export type KeptAnswer = z.infer<typeof keptSchema>;

/** Answers of uv by question, for a day: a preview asks an index once. A damaged answer counts as none. */
export class KeptAnswers {
  private readonly folder: string;
  private readonly now: () => number;

  /** @param cache folder that may be deleted at any time */
  constructor(cache: string, now: () => number = Date.now) {
    this.folder = join(cache, "resolutions");
    this.now = now;
  }

  async get(question: Resolution): Promise<KeptAnswer | undefined> {
    try {
      const kept = keptSchema.parse(JSON.parse(await readFile(this.path(question), "utf8")));
      const age = this.now() - kept.askedAt;
      return age >= 0 && age < maxAgeMs ? kept : undefined;
    } catch {
      return undefined; // never asked, or damaged
    }
  }

  /** Keeps an answer; a cache that cannot be written to is none. */
  async set(question: Resolution, answer: Omit<KeptAnswer, "askedAt">): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.path(question), JSON.stringify({ askedAt: this.now(), ...answer }), {
        mode: 0o600,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  private path(question: Resolution): string {
    const { index } = question;
    const indexes = Object.entries(process.env).filter(([name]) => /^UV_(?:.*INDEX|FIND_LINKS)/.test(name));
    const asked = {
      ...question,
      uv: uvVersion,
      indexes: indexes.sort(),
      ...(index && { index: { ...index, url: withoutLogin(index.url) } }),
    };
    const key = createHash("sha256").update(JSON.stringify(asked)).digest("hex");
    return join(this.folder, `${key.slice(0, 32)}.json`);
  }
}

function withoutLogin(url: string): string {
  if (!URL.canParse(url)) return url;
  return Object.assign(new URL(url), { username: "", password: "" }).href;
}
