import { readFile } from "node:fs/promises";
import writeFileAtomic from "write-file-atomic";
import { UserError } from "../errors.ts";

/** The date that makes the base's apt layer be built again, with the patches that the distribution has then. */
export interface OsPatches {
  path: string;
  from: string;
  to: string;
}

const date = /^\d{4}-\d{2}-\d{2}(\.\d+)?$/m;

/**
 * The new date for `cuda-base/os-patches`; nothing is written.
 * @param today e.g. `"2026-11-24"`; a second time on one day becomes `"2026-11-24.2"`
 */
export async function nextOsPatches(path: string, today: string): Promise<OsPatches> {
  const from = date.exec(await readFile(path, "utf8").catch(() => ""))?.[0];
  if (!from) throw new UserError(`${path} has no date such as ${today}; write one, on a line of its own`);
  if (!from.startsWith(today)) return { path, from, to: today };
  return { path, from, to: `${today}.${Number(from.split(".")[1] ?? 1) + 1}` };
}

/** Sets the date; the file's other lines stay. */
export async function writeOsPatches({ path, from, to }: OsPatches): Promise<void> {
  await writeFileAtomic(path, (await readFile(path, "utf8")).replace(from, to));
}
