import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";

/** What an index said of one of its pages. */
export type KeptPage = z.infer<typeof keptPage>;

const keptPage = z.object({
  /** Bytes, as they come over the wire; 0 where the index has no such page. */
  bytes: z.number().nonnegative(),
  /** The index can answer that a page is still the same. */
  hasValidators: z.boolean(),
  /** A copy may be used for some time without asking. */
  staysFresh: z.boolean(),
  /** When it was asked: milliseconds since 1970. */
  asked: z.number(),
});

/** Milliseconds for which an answer is believed: pages grow slowly. */
const lifetime = 7 * 24 * 3_600_000;
/** Answers that are kept, the newest; one takes about 100 bytes. */
const most = 5_000;

/** Answers that still count, by the page's address; none where there is no such file, or it is damaged. */
export async function readKeptPages(stateDir: string): Promise<Map<string, KeptPage>> {
  try {
    const read: unknown = JSON.parse(await readFile(fileIn(stateDir), "utf8"));
    const entries = Object.entries(read as Record<string, unknown>).flatMap(([url, value]) => {
      const { data } = keptPage.safeParse(value);
      const age = data ? Date.now() - data.asked : Infinity;
      return data && age >= 0 && age < lifetime ? [[url, data] as const] : [];
    });
    return new Map(entries);
  } catch {
    return new Map();
  }
}

/** Keeps answers; where they cannot be written, the next plan asks again. */
export async function writeKeptPages(stateDir: string, pages: ReadonlyMap<string, KeptPage>): Promise<void> {
  const newest = [...pages].sort(([, a], [, b]) => b.asked - a.asked).slice(0, most);
  await mkdir(stateDir, { recursive: true })
    .then(() =>
      writeFileAtomic(fileIn(stateDir), JSON.stringify(Object.fromEntries(newest)), { mode: 0o600 }),
    )
    .catch(() => {});
}

function fileIn(stateDir: string): string {
  return join(stateDir, "index-pages.json");
}
