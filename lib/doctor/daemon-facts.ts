import { identifyDaemon, type ForeignDaemon, type ManagedDaemon } from "../daemon/identify.ts";
import { readDaemonJson } from "../daemon/read-file.ts";
import type { Unknown } from "./unknown.ts";

/** The dockerd behind the socket and its daemon.json. */
export interface DaemonFacts {
  /** Undefined for an engine that we do not manage. */
  managed?: ManagedDaemon;
  foreign?: ForeignDaemon;
  /** Text of its daemon.json; null where there is no file, undefined where it cannot be used. */
  text?: string | null;
  /** Why the file cannot be used, with line and column. */
  fault?: string;
}

/** Finds the daemon and reads its file. Never throws: whatever is broken is a fact. */
export async function readDaemon(host: string): Promise<DaemonFacts | Unknown> {
  try {
    const identity = await identifyDaemon(host);
    if ("foreign" in identity) return { foreign: identity.foreign };
    const { managed } = identity;
    try {
      return { managed, text: await readDaemonJson(managed.file) };
    } catch (error) {
      return { managed, fault: (error as Error).message };
    }
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
