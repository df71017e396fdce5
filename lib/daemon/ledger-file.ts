import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { replaceFile } from "./atomic-file.ts";
import type { Claim } from "./claim.ts";
import { parseLedger, type Ledger } from "./ledger.ts";
import { sameEntry } from "./merge.ts";

/** Where ledgers and back-ups are kept unless the settings say otherwise. Not in /run: it must outlive a reboot. */
export const DEFAULT_LEDGER_FOLDER = "/var/lib/gpu-build-host/daemon";

/** Back-ups of daemon.json that are kept while a stack uses it. */
const BACKUPS = 5;

/** End of the name of a restart's journal. */
export const RESTART = ".restart";

/** What the folder says about one daemon.json. `problem` is set where a ledger is there and cannot be read. */
export interface LedgerOnDisk {
  ledger: Ledger | undefined;
  problem?: string;
}

function nameOf(file: string): string {
  return createHash("sha256").update(file).digest("hex").slice(0, 16);
}

export function ledgerPath(folder: string, file: string): string {
  return join(folder, `${nameOf(file)}.json`);
}

/** Where a daemon.json is put that dockerd shall try out. */
export function candidatePath(folder: string, file: string): string {
  return join(folder, `${nameOf(file)}.candidate`);
}

/** What is left to do of a restart that is under way. No name of a ledger's: whoever reads all of those passes it by. */
export function restartPath(folder: string, file: string): string {
  return join(folder, `${nameOf(file)}${RESTART}`);
}

/** The record of one daemon.json. Never throws: a lost or damaged one is told by `problem`. */
export async function readLedger(folder: string, file: string): Promise<LedgerOnDisk> {
  const path = ledgerPath(folder, file);
  try {
    const ledger = parseLedger(await readFile(path, "utf8"));
    return ledger ? { ledger } : { ledger, problem: `the record ${path} is damaged: it counts as lost` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return { ledger: undefined };
    return { ledger: undefined, problem: `the record ${path} cannot be read (${code})` };
  }
}

/** Only its owner may read it: a daemon.json can hold a proxy's password. */
export async function writeLedger(folder: string, ledger: Ledger): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replaceFile(ledgerPath(folder, ledger.file), JSON.stringify(ledger, null, 2) + "\n", { mode: 0o600 });
}

/** Forgets a daemon.json: record and back-ups go, and the folder if it is empty then. */
export async function removeLedger(folder: string, file: string): Promise<void> {
  await replaceFile(ledgerPath(folder, file), null, { mode: 0o600 });
  for (const path of [candidatePath(folder, file), restartPath(folder, file)])
    await rm(path, { force: true });
  await rm(backupFolder(folder, file), { recursive: true, force: true });
  for (const path of [join(folder, "backups"), folder]) await rmdir(path).catch(() => undefined);
  if (folder === DEFAULT_LEDGER_FOLDER) await rmdir(dirname(folder)).catch(() => undefined);
}

function backupFolder(folder: string, file: string): string {
  return join(folder, "backups", nameOf(file));
}

/** Keeps a copy of daemon.json under the time of day; the oldest beyond five go. Returns the copy's path. */
export async function backUp(folder: string, file: string, text: string, now: Date): Promise<string> {
  const backups = backupFolder(folder, file);
  await mkdir(backups, { recursive: true, mode: 0o700 });
  const path = join(backups, `${now.toISOString().replaceAll(":", "-")}.json`);
  await replaceFile(path, text, { mode: 0o600 });
  const copies = (await readdir(backups)).filter((name) => /^\d{4}-.*\.json$/.test(name)).sort();
  for (const old of copies.slice(0, -BACKUPS)) await rm(join(backups, old), { force: true });
  return path;
}

/** Every record of a folder; damaged ones are left out. */
export async function allLedgers(folder: string): Promise<Ledger[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  return texts.map(parseLedger).filter((ledger) => ledger !== undefined);
}

/** Who uses a mirror on this host: every claim on it, of any stack, with the daemon.json that holds it. */
export async function claimsOn(mirrorUrl: string, folder: string): Promise<(Claim & { file: string })[]> {
  const mirror = { pointer: "/registry-mirrors", element: mirrorUrl };
  const isMirror = (claim: Claim) => sameEntry(claim, mirror);
  const ledgers = await allLedgers(folder);
  return ledgers.flatMap(({ file, claims }) => claims.filter(isMirror).map((claim) => ({ ...claim, file })));
}

/** Throws while another stack than the cache's owner uses the cache. Ask before the first resource is destroyed. */
export async function refuseWhileClaimed(mirrorUrl: string, owner: string, folder: string): Promise<void> {
  const others = (await claimsOn(mirrorUrl, folder)).filter((claim) => claim.stack !== owner);
  if (others.length === 0) return;
  const names = [...new Set(others.map((claim) => claim.stack))].sort();
  throw new UserError(
    `the registry cache ${mirrorUrl} of stack "${owner}" is in use by ${names.map((name) => `"${name}"`).join(", ")}: ` +
      `destroy ${names.length === 1 ? "that stack" : "those stacks"} first, or give it another cache`,
  );
}
