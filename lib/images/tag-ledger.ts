import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { withHostLock } from "../daemon/host-lock.ts";

/** Who publishes a friendly tag. */
export interface TagEntry {
  stack: string;
  image: string;
  /** Hash reference that the tag was moved to last. */
  reference: string;
  /** Keep-reference of the image that had the name before us; it gets the name back. */
  former?: string;
}

/** What the stacks of one engine agree on. */
export interface TagLedger {
  /** By normal name, e.g. `"docker.io/library/whisperx:cu128"`. */
  tags: Record<string, TagEntry>;
  /** `"stack/image"` → hash references, the one in use first. */
  versions: Record<string, string[]>;
  /** `"<image ID> <command>"` of smoke tests that passed → time. */
  smokeTests: Record<string, string>;
  /** What each stack keeps for going back, as of its last run. */
  keeps: Record<string, { versions: number; storage?: number }>;
  /** Hash references that their stack has given up, and a container still needed. */
  released: string[];
}

/** Where the ledger of an engine lies; all its stacks share it. */
export function tagLedgerPath(stateDir: string, engineId: string): string {
  return join(stateDir, "engines", `${engineId.replace(/[^A-Za-z0-9-]/g, "-")}.json`);
}

/** Reads the ledger. A missing or damaged one is empty: the names on the engine say who owns what. */
export async function readTagLedger(stateDir: string, engineId: string): Promise<TagLedger> {
  const empty: TagLedger = { tags: {}, versions: {}, smokeTests: {}, keeps: {}, released: [] };
  try {
    const read = JSON.parse(await readFile(tagLedgerPath(stateDir, engineId), "utf8")) as Partial<TagLedger>;
    return { ...empty, ...read };
  } catch {
    return empty;
  }
}

let inThisProcess: Promise<unknown> = Promise.resolve();

/** Changes the ledger while no other stack of this engine does. What `work` leaves in it is written, also when `work` fails. */
export function withTagLedger<T>(
  where: { stateDir: string; engineId: string; stack: string; signal?: AbortSignal },
  work: (ledger: TagLedger) => Promise<T>,
): Promise<T> {
  const locked = (): Promise<T> =>
    withHostLock(
      `images:${where.engineId}`,
      { stack: where.stack, waitMs: 120_000, ...(where.signal && { signal: where.signal }) },
      async () => {
        const ledger = await readTagLedger(where.stateDir, where.engineId);
        const before = JSON.stringify(ledger);
        try {
          return await work(ledger);
        } finally {
          if (JSON.stringify(ledger) !== before) await writeTagLedger(where.stateDir, where.engineId, ledger);
        }
      },
    );
  // Images of one stack come in parallel: in line here, they need not poll for the lock.
  const result = inThisProcess.then(locked, locked);
  inThisProcess = result.catch(() => undefined);
  return result;
}

async function writeTagLedger(stateDir: string, engineId: string, ledger: TagLedger): Promise<void> {
  const path = tagLedgerPath(stateDir, engineId);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${JSON.stringify(ledger, null, 1)}\n`, { mode: 0o600 });
}
