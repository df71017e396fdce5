import { mkdir, readFile, stat } from "node:fs/promises";
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
  /** A name without a version, e.g. `"whisperx:latest"`, that the stack has by `npm run use`. */
  isPlain?: boolean;
}

/** What is remembered of a version that friendly tags have been moved to: enough to go back to it. */
export interface PromotedVersion {
  /** ISO time of the last time that tags moved to it. */
  time: string;
  /** 16 hexadecimal digits. */
  hash: string;
  /** What the hash was made of. */
  parts: Record<string, string>;
  /** Friendly tags that it had. */
  tags: string[];
  /** Hash reference of the stack's image that it stands on. */
  base?: string;
  /** Whether the smoke test that it passed had a GPU; undefined where it has no test. */
  smokeGpu?: boolean;
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
  /** By hash reference, of every version in `versions` that friendly tags have been on. */
  promoted: Record<string, PromotedVersion>;
  /** `"stack/image"` → hash reference that its stack is pinned to. */
  pins: Record<string, string>;
  /** `"<image ID> <base's ID>"`: built on that base, it came out on other layers, and would again. */
  apart: string[];
  /** The stack whose images the plain names mean (`npm run use`). */
  plainNames?: string;
}

/** A ledger that says nothing. */
export function emptyLedger(): TagLedger {
  return {
    tags: {},
    versions: {},
    smokeTests: {},
    keeps: {},
    released: [],
    promoted: {},
    pins: {},
    apart: [],
  };
}

/** Where the ledger of an engine lies; all its stacks share it. */
export function tagLedgerPath(stateDir: string, engineId: string): string {
  return join(stateDir, "engines", `${engineId.replace(/[^A-Za-z0-9-]/g, "-")}.json`);
}

const lastRead = new Map<string, { stamp: string; ledger: Promise<TagLedger> }>();

/**
 * Reads the ledger, for looking only. A missing or damaged one is empty: the names on the engine say who owns what.
 * Every image of a stack asks for it and it grows with them, so an unchanged file is parsed once a process: each writing
 * makes a new file.
 */
export async function readTagLedger(stateDir: string, engineId: string): Promise<Readonly<TagLedger>> {
  const path = tagLedgerPath(stateDir, engineId);
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (!found) return emptyLedger();
  const stamp = `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  let last = lastRead.get(path);
  if (last?.stamp !== stamp) lastRead.set(path, (last = { stamp, ledger: parseLedger(stateDir, engineId) }));
  return last.ledger;
}

async function parseLedger(stateDir: string, engineId: string): Promise<TagLedger> {
  try {
    const read = JSON.parse(await readFile(tagLedgerPath(stateDir, engineId), "utf8")) as Partial<TagLedger>;
    return { ...emptyLedger(), ...read };
  } catch {
    return emptyLedger();
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
        const ledger = await parseLedger(where.stateDir, where.engineId);
        const before = JSON.stringify(ledger);
        try {
          return await work(ledger);
        } finally {
          forgetPromotions(ledger);
          if (JSON.stringify(ledger) !== before) await writeTagLedger(where.stateDir, where.engineId, ledger);
        }
      },
    );
  // Images of one stack come in parallel: in line here, they need not poll for the lock.
  const result = inThisProcess.then(locked, locked);
  inThisProcess = result.catch(() => undefined);
  return result;
}

/** Of versions that are gone nothing is remembered. */
function forgetPromotions(ledger: TagLedger): void {
  const known = new Set(Object.values(ledger.versions).flat());
  for (const reference of Object.keys(ledger.promoted))
    if (!known.has(reference)) delete ledger.promoted[reference];
}

async function writeTagLedger(stateDir: string, engineId: string, ledger: TagLedger): Promise<void> {
  const path = tagLedgerPath(stateDir, engineId);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${JSON.stringify(ledger, null, 1)}\n`, { mode: 0o600 });
}
