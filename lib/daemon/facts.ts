import { engineInfo } from "./engine-info.ts";
import { identifyDaemon } from "./identify.ts";
import { showsElements, type Claim } from "./ledger.ts";
import { readLedger } from "./ledger-file.ts";
import { mirrorsIn } from "./converge.ts";
import { same } from "./merge.ts";
import { normalMirror } from "./mirror-url.ts";
import { readDaemonJson } from "./read-file.ts";

export type Manage = "apply" | "print" | "off";

/** The state of a stack's mirrors, in words that a preview can show as `old => new`. */
export interface MirrorFacts {
  /** In daemon.json: the mirrors if they stand first, else what stands there, e.g. `"no file"`, `"broken: …:3:5: …"`. */
  file: string;
  /** In the running daemon. */
  live: string;
  /** In the ledger: `"recorded"` if the stack's claim is there. */
  claim: string;
}

/** What the facts are when all is well. */
export function desiredFacts(mirrors: string[], manage: Manage): MirrorFacts {
  if (manage === "off") return { file: "not managed", live: "not managed", claim: "not managed" };
  return { file: shown(mirrors), live: shown(mirrors), claim: manage === "apply" ? "recorded" : "not kept" };
}

export interface FactsQuery {
  dockerHost: string;
  stack: string;
  mirrors: string[];
  manage: Manage;
  ledgerFolder: string;
  /** Path of the daemon.json as far as is known: asked while the engine is stopped. */
  file?: string;
}

/** What is true now. Never throws: whatever is broken is a fact. */
export async function readFacts(query: FactsQuery): Promise<MirrorFacts> {
  const { mirrors, manage, ledgerFolder } = query;
  const desired = desiredFacts(mirrors, manage);
  if (manage === "off") return desired;
  const { file, live } = await locate(query);
  const { ledger, problem } = file
    ? await readLedger(ledgerFolder, file)
    : { ledger: undefined, problem: undefined };
  const claims = ledger?.claims ?? [];
  const stands = (list: string[]) => showsElements(list, "/registry-mirrors", mirrors, query.stack, claims);
  const liveFact = Array.isArray(live) ? (stands(live) ? desired.live : shown(live.map(normalMirror))) : live;
  return {
    file: file ? await fileFact(file, stands, desired.file) : liveFact,
    live: liveFact,
    claim: manage === "print" ? desired.claim : claimFact(claims, query, problem, desired.claim),
  };
}

async function locate(query: FactsQuery): Promise<{ file: string | undefined; live: string[] | string }> {
  try {
    const identity = await identifyDaemon(query.dockerHost);
    if ("managed" in identity) return { file: identity.managed.file, live: identity.managed.info.mirrors };
    const { mirrors, what } = identity.foreign;
    return { file: undefined, live: mirrors ?? what };
  } catch (error) {
    // Without the right to see dockerd's process its live state can still be asked.
    const live = await engineInfo(query.dockerHost.replace(/^unix:\/\//, "")).then(
      (info) => info.mirrors,
      () => undefined,
    );
    return { file: query.file, live: query.manage === "print" && live ? live : messageOf(error) };
  }
}

async function fileFact(file: string, stands: (list: string[]) => boolean, desired: string): Promise<string> {
  try {
    const text = await readDaemonJson(file);
    if (text === null) return stands([]) ? desired : "no file";
    const list = mirrorsIn(text);
    if (stands(list ?? [])) return desired;
    return list ? shown(list) : "no registry-mirrors";
  } catch (error) {
    return `broken: ${messageOf(error)}`;
  }
}

function claimFact(claims: Claim[], query: FactsQuery, problem: string | undefined, desired: string): string {
  const mine = claims.filter((claim) => claim.stack === query.stack).map((claim) => claim.element);
  const equal =
    mine.length === query.mirrors.length &&
    mine.every((element, i) => same("registry-mirrors", element, query.mirrors[i]!));
  return equal ? desired : (problem ?? (mine.length > 0 ? shown(mine) : "no record"));
}

function shown(mirrors: string[]): string {
  return mirrors.join(", ") || "none";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
