import { open } from "node:fs/promises";
import { UserError } from "../errors.ts";
import { faultMessage, parseDaemonJson } from "./daemon-json.ts";
import type { FileText } from "./merge.ts";

/** A daemon.json is a few hundred bytes; what is larger is something else. */
const MAX_BYTES = 1024 * 1024;

/**
 * The text of a daemon.json that dockerd would take; `null` if there is no file.
 * @throws UserError with line, column and what to do. The file is never changed.
 */
export async function readDaemonJson(path: string): Promise<FileText> {
  const bytes = await readBytes(path);
  if (bytes === null) return null;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UserError(`${path} is not UTF-8 text: save it as UTF-8`);
  }
  const parsed = parseDaemonJson(text);
  if (!parsed.ok) throw new UserError(faultMessage(path, parsed.fault));
  return text;
}

async function readBytes(path: string): Promise<Buffer | null> {
  try {
    const file = await open(path, "r");
    try {
      const facts = await file.stat();
      if (!facts.isFile()) throw new UserError(`${path} is not a file: put a plain daemon.json there`);
      if (facts.size > MAX_BYTES) {
        throw new UserError(`${path} has ${facts.size} bytes, that is no daemon.json: check what wrote it`);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    if (code === "EACCES") throw new UserError(`${path} may not be read by this user: run with sudo`);
    if (code === "ENOTDIR" || code === "ELOOP")
      throw new UserError(`${path} cannot be opened (${code}): check its folders and links`);
    throw error;
  }
}
