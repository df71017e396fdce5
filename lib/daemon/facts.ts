import { socketOf } from "../docker/request.ts";
import { messageOf } from "../errors.ts";
import { mirrorsIn } from "./converge.ts";
import { canonicalText, documentOf, readList } from "./daemon-json.ts";
import { entriesOf, type DaemonDocumentPart } from "./desired.ts";
import { engineInfo } from "./engine-info.ts";
import { identifyDaemon } from "./identify.ts";
import { textAt } from "./json-edit.ts";
import type { Claim } from "./claim.ts";
import { showsElements, type Ledger } from "./ledger.ts";
import { readLedger } from "./ledger-file.ts";
import { agrees, liveValue, type LiveState } from "./live-state.ts";
import { elementsOf, isValue, sameEntry, type FileText, type OwnedEntry } from "./merge.ts";
import { normalMirror } from "./mirror-url.ts";
import { dotted, topKey } from "./pointer.ts";
import { readDaemonJson } from "./read-file.ts";
import { mayHoldLogin, shownValue } from "./shown-value.ts";
import { processKey } from "./reload.ts";

export type Manage = "apply" | "print" | "off";

/** The state of a stack's part of daemon.json, in words that a preview can show as `old => new`. */
export interface DaemonFacts {
  /** In daemon.json: the mirrors if they stand first, else what stands there, e.g. `"no file"`, `"broken: …:3:5: …"`. */
  file: string;
  /** In the running daemon. */
  live: string;
  /** In the ledger: `"recorded"` if the stack's claims are there. */
  claim: string;
  /** Further entries in daemon.json, e.g. `{ "log-opts.max-size": '"10m"' }`. Absent where the stack has none. */
  fileSettings?: Record<string, string>;
  /** Their keys in the running daemon, e.g. `{ "live-restore": "in use" }`. */
  liveSettings?: Record<string, string>;
}

const IN_USE = "in use";
const NOT_SHOWN = "set (not shown)";

/** What the facts are when all is well. */
export function desiredFacts(mirrors: string[], settings: DaemonDocumentPart, manage: Manage): DaemonFacts {
  const entries = entriesOf([], settings);
  const off = manage === "off";
  const words = (wanted: string) => (off ? "not managed" : wanted);
  const facts = {
    file: words(shown(mirrors)),
    live: words(shown(mirrors)),
    claim: words(manage === "apply" ? "recorded" : "not kept"),
  };
  if (entries.length === 0) return facts;
  const places = byPlace(entries).map(([place, entry]) => [place, words(wantedAt(entry, entries))]);
  const keys = keysOf(entries).map((key) => [key, words(IN_USE)]);
  return { ...facts, fileSettings: Object.fromEntries(places), liveSettings: Object.fromEntries(keys) };
}

export interface FactsQuery {
  dockerHost: string;
  stack: string;
  mirrors: string[];
  settings: DaemonDocumentPart;
  manage: Manage;
  ledgerFolder: string;
  /** Path of the daemon.json as far as is known: asked while the engine is stopped. */
  file?: string;
}

/** What is true now. Never throws: whatever is broken is a fact. */
export async function readFacts(query: FactsQuery): Promise<DaemonFacts> {
  const { mirrors, settings, manage, ledgerFolder } = query;
  const desired = desiredFacts(mirrors, settings, manage);
  if (manage === "off") return desired;
  const place = await locate(query);
  const { ledger, problem } = place.file
    ? await readLedger(ledgerFolder, place.file)
    : { ledger: undefined, problem: undefined };
  const claims = ledger?.claims ?? [];
  const stands = (list: string[]) => showsElements(list, "registry-mirrors", mirrors, query.stack, claims);
  const live = place.live;
  const liveFact =
    typeof live === "string"
      ? live
      : stands(live["registry-mirrors"])
        ? desired.live
        : shown(live["registry-mirrors"].map(normalMirror));
  const text = place.file ? await readText(place.file) : { broken: liveFact };
  const facts: DaemonFacts = {
    file: "broken" in text ? text.broken : fileFact(text.text, stands, desired.file),
    live: liveFact,
    claim: manage === "print" ? desired.claim : claimFact(claims, query, problem, desired.claim),
  };
  if (!desired.fileSettings) return facts;
  const entries = entriesOf([], settings);
  return {
    ...facts,
    fileSettings: Object.fromEntries(
      byPlace(entries).map(([name, entry]) => [
        name,
        "broken" in text ? text.broken : settingFact(text.text, entry, entries),
      ]),
    ),
    liveSettings: Object.fromEntries(
      keysOf(entries).map((key) => [key, liveSetting(key, text, live, left(ledger, place.process))]),
    ),
  };
}

interface Place {
  file: string | undefined;
  live: LiveState | string;
  process?: string;
}

async function locate(query: FactsQuery): Promise<Place> {
  const ask = () =>
    engineInfo(socketOf(query.dockerHost)).then(
      (info) => info.live,
      () => undefined,
    );
  try {
    const identity = await identifyDaemon(query.dockerHost);
    if ("foreign" in identity)
      return { file: undefined, live: (identity.foreign.mirrors && (await ask())) ?? identity.foreign.what };
    const { file, info, process } = identity.managed;
    return { file, live: info.live, process: await processKey(process) };
  } catch (error) {
    // Without the right to see dockerd's process its live state can still be asked.
    const live = query.manage === "print" ? await ask() : undefined;
    return { file: query.file, live: live ?? messageOf(error) };
  }
}

async function readText(file: string): Promise<{ text: FileText } | { broken: string }> {
  try {
    return { text: await readDaemonJson(file) };
  } catch (error) {
    return { broken: `broken: ${messageOf(error)}` };
  }
}

function fileFact(text: FileText, stands: (list: string[]) => boolean, desired: string): string {
  if (text === null) return stands([]) ? desired : "no file";
  const list = mirrorsIn(text);
  if (stands(list ?? [])) return desired;
  return list ? shown(list) : "no registry-mirrors";
}

/** One name for each place: an element's is its list. */
function byPlace(entries: OwnedEntry[]): [string, OwnedEntry][] {
  return [...new Map(entries.map((entry) => [dotted(entry.pointer), entry])).entries()];
}

function keysOf(entries: OwnedEntry[]): string[] {
  return [...new Set(entries.map(({ pointer }) => topKey(pointer)))];
}

function wantedAt(entry: OwnedEntry, entries: OwnedEntry[]): string {
  if (!isValue(entry)) return elementsOf(entries, topKey(entry.pointer)).join(", ");
  return mayHoldLogin(entry.pointer, entry.value) ? NOT_SHOWN : shownValue(entry.pointer, entry.value);
}

function settingFact(text: FileText, entry: OwnedEntry, entries: OwnedEntry[]): string {
  const wanted = wantedAt(entry, entries);
  const document = documentOf(text);
  if (!isValue(entry)) {
    const key = topKey(entry.pointer);
    const list = readList(document, key) ?? [];
    return elementsOf(entries, key).every((element) => list.includes(element)) ? wanted : shown(list);
  }
  const there = textAt(document, entry.pointer);
  if (there !== undefined && canonicalText(there) === canonicalText(entry.value)) return wanted;
  const value = shownValue(entry.pointer, there);
  return value === wanted ? `${value} (changed)` : value;
}

function liveSetting(
  key: string,
  text: { text: FileText } | { broken: string },
  live: LiveState | string,
  left: string[],
): string {
  if (typeof live === "string") return live;
  if ("broken" in text || left.includes(key)) return "not read yet";
  return agrees(text.text, key, live) === false ? `uses ${liveValue(key, live)}` : IN_USE;
}

/** Keys that the running daemon has still to take. */
function left(ledger: Ledger | undefined, process: string | undefined): string[] {
  return ledger?.outdated && ledger.outdated.process === process ? ledger.outdated.keys : [];
}

function claimFact(claims: Claim[], query: FactsQuery, problem: string | undefined, desired: string): string {
  const mine = claims.filter((claim) => claim.stack === query.stack);
  const wanted = entriesOf(query.mirrors, query.settings);
  const equal =
    mine.length === wanted.length && mine.every((claim, index) => sameEntry(claim, wanted[index]!));
  if (equal) return desired;
  const names = mine.map((claim) => (isValue(claim) ? dotted(claim.pointer) : claim.element));
  return problem ?? (mine.length > 0 ? shown(names) : "no record");
}

function shown(list: string[]): string {
  return list.join(", ") || "none";
}
