import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { socketOf } from "../docker/request.ts";
import { messageOf, UserError } from "../errors.ts";
import { replaceFile } from "./atomic-file.ts";
import { classify } from "./change-class.ts";
import { answers, stable } from "./converge.ts";
import { dockerdByArguments } from "./dockerd-process.ts";
import { withHostLock } from "./host-lock.ts";
import { parseLedger, type Ledger } from "./ledger.ts";
import { removeLedger, RESTART, restartPath, writeLedger } from "./ledger-file.ts";
import type { FileText } from "./merge.ts";
import { readDaemonJson } from "./read-file.ts";
import { startStored, type StoredService } from "./service.ts";

/**
 * What a restart of dockerd needs to be finished by another run, should this one be killed while dockerd is down. Lies
 * beside the ledger from before dockerd is stopped until it is proved.
 */
export interface RestartJournal {
  dockerHost: string;
  /** The daemon.json. */
  file: string;
  former: FileText;
  wanted: FileText;
  /** The record that belongs to `former`. */
  formerLedger: Ledger | null;
  service: StoredService;
}

const JournalSchema = z.object({
  dockerHost: z.string(),
  file: z.string(),
  former: z.string().nullable(),
  wanted: z.string().nullable(),
  formerLedger: z.unknown(),
  service: z.union([
    z.object({ kind: z.literal("systemd"), unit: z.string() }),
    z.object({
      kind: z.literal("process"),
      executable: z.string(),
      args: z.array(z.string()),
      env: z.record(z.string(), z.string()),
      folder: z.string(),
      log: z.string().optional(),
      ownMounts: z.boolean(),
      supervisor: z.string().optional(),
    }),
  ]),
});

/** Only its owner may read it: dockerd's environment can hold a proxy's password. */
export async function writeJournal(ledgerFolder: string, journal: RestartJournal): Promise<void> {
  await mkdir(ledgerFolder, { recursive: true, mode: 0o700 });
  await replaceFile(restartPath(ledgerFolder, journal.file), JSON.stringify(journal), { mode: 0o600 });
}

export async function dropJournal(ledgerFolder: string, file: string): Promise<void> {
  await rm(restartPath(ledgerFolder, file), { force: true });
}

export interface FinishOptions {
  stack: string;
  /** Told what was done, in one line. */
  log: (message: string) => void;
  signal?: AbortSignal;
  /** Starts the engine in another way than it was started before. */
  start?: () => Promise<unknown>;
  /** Milliseconds for dockerd to come up. @default 120000 */
  restartMs?: number;
}

/**
 * Finishes a restart of dockerd whose run was killed: starts dockerd with its daemon.json as it stands, and where it does
 * not come up with that, with the former one. Does nothing where no restart was cut off.
 * @throws UserError where dockerd comes up with neither.
 */
export async function finishCutOffRestart(
  ledgerFolder: string,
  dockerHost: string,
  options: FinishOptions,
): Promise<void> {
  const { stack, signal } = options;
  for (const { file } of await journalsOf(ledgerFolder, dockerHost)) {
    await withHostLock(
      `daemon:${file}`,
      { stack, waitMs: 60_000, ...(signal ? { signal } : {}) },
      async () => {
        // The run that wrote it may have been at work until now.
        const journal = (await journalsOf(ledgerFolder, dockerHost)).find((one) => one.file === file);
        if (journal) await finish(ledgerFolder, journal, options);
      },
    );
  }
}

async function finish(ledgerFolder: string, journal: RestartJournal, options: FinishOptions): Promise<void> {
  const { dockerHost, file, former, wanted, formerLedger, service } = journal;
  const { log, restartMs = 120_000 } = options;
  const socket = socketOf(dockerHost);
  const isUp = () => answers(socket);
  const start = async () => {
    if (options.start) await options.start();
    else await startStored(service, restartMs, isUp);
    await stable(socket, restartMs);
  };
  if (await comesUpByItself(socket, options)) return dropJournal(ledgerFolder, file);

  const { reload, restart } = classify(former, wanted);
  const keys = [...reload, ...restart].join(", ") || "nothing";
  try {
    await start();
    log(`a run was killed while it restarted Docker: Docker is started again (${file}, changed: ${keys})`);
  } catch (error) {
    options.signal?.throwIfAborted();
    const words = messageOf(error);
    const found = await readDaemonJson(file).catch(() => undefined);
    if (found !== wanted || former === wanted)
      throw new UserError(`a run was killed while it restarted Docker, and Docker does not start: ${words}`);
    await replaceFile(file, former, { mode: 0o644 });
    await start().catch((second: unknown) => {
      throw new UserError(
        `Docker starts neither with the new ${file} (${keys}: ${words}) nor with its former content, which it has again: ${messageOf(second)}`,
      );
    });
    await dropJournal(ledgerFolder, file);
    if (formerLedger) await writeLedger(ledgerFolder, formerLedger);
    else await removeLedger(ledgerFolder, file);
    log(
      `a run was killed while it restarted Docker, which does not start with ${keys} as set (${words}): ` +
        `${file} has its former content again and Docker is started`,
    );
  }
  await dropJournal(ledgerFolder, file);
}

/** Whether it answers for good, once a dockerd that is just starting or ending has done so. */
async function comesUpByItself(socket: string, { signal, restartMs = 120_000 }: FinishOptions) {
  const deadline = Date.now() + restartMs;
  for (let good = 0; good < 3;) {
    signal?.throwIfAborted();
    if (await answers(socket)) good++;
    else {
      good = 0;
      const [dockerd] = await dockerdByArguments(socket);
      if (!dockerd) return false;
      if (Date.now() >= deadline)
        throw new UserError(
          `dockerd (process ${dockerd.pid}) runs and does not answer at ${socket}: its log says why`,
        );
    }
    await sleep(200);
  }
  return true;
}

/** The restarts of an engine that were cut off. What another user may have written is nobody's word: it names a program. */
async function journalsOf(folder: string, dockerHost: string): Promise<RestartJournal[]> {
  const found: RestartJournal[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith(RESTART)) continue;
    const path = join(folder, name);
    const journal = await stat(path)
      .then(async ({ uid }) =>
        uid === process.getuid?.() ? parseJournal(await readFile(path, "utf8")) : undefined,
      )
      .catch(() => undefined);
    if (journal?.dockerHost === dockerHost) found.push(journal);
  }
  return found;
}

function parseJournal(text: string): RestartJournal | undefined {
  const { success, data } = JournalSchema.safeParse(JSON.parse(text));
  if (!success) return undefined;
  const { service } = data;
  return {
    ...data,
    formerLedger: parseLedger(JSON.stringify(data.formerLedger)) ?? null,
    service:
      service.kind === "systemd" ? service : { ...service, log: service.log, supervisor: service.supervisor },
  };
}
