import { createHash } from "node:crypto";
import * as z from "zod";
import type { Claim, Wish } from "./claim.ts";
import { claimConflicts } from "./conflicts.ts";
import { elementsOf, rebase, render, same, sameEntry, withoutOwned, type FileText } from "./merge.ts";
import { topKey } from "./pointer.ts";
import { waypoints } from "./waypoints.ts";

/** What we know about one daemon.json that the file cannot say itself (dockerd refuses unknown keys). */
export interface Ledger {
  version: 1;
  /** The daemon.json that this is about. */
  file: string;
  /** The file as it would be without us: given back, byte for byte, when the last stack leaves. */
  base: FileText;
  /** The file as we want it for `base` and `claims`. */
  settled: FileText;
  /** Fingerprints of every text for which `base` holds, so that a killed run is not taken for somebody's edit. */
  known: string[];
  claims: Claim[];
  /** Keys that were ever ours in this file: a daemon that still uses what we set is made to forget it. */
  touched: string[];
  /** Keys that the dockerd named by `processKey` has not taken yet: a run that was cut off. */
  outdated?: Outdated | undefined;
}

/** What a dockerd has still to read. */
export interface Outdated {
  process: string;
  keys: string[];
}

const claim = { stack: z.string(), pointer: z.string(), since: z.string() };
const LedgerSchema: z.ZodType<Ledger> = z.object({
  version: z.literal(1),
  file: z.string(),
  base: z.string().nullable(),
  settled: z.string().nullable(),
  known: z.array(z.string()),
  claims: z.array(
    z.union([z.object({ ...claim, element: z.string() }), z.object({ ...claim, value: z.string() })]),
  ),
  touched: z.array(z.string()).default(["registry-mirrors"]),
  outdated: z.object({ process: z.string(), keys: z.array(z.string()) }).optional(),
});

/** Reads a ledger's text; undefined if it is cut off or no ledger. */
export function parseLedger(text: string): Ledger | undefined {
  try {
    const result = LedgerSchema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** A text's fingerprint, as `known` holds it. */
export function fingerprint(text: FileText): string {
  return text === null ? "no file" : createHash("sha256").update(text).digest("hex");
}

/** The file and the ledger as they shall be. */
export interface Plan {
  text: FileText;
  ledger: Ledger;
}

/**
 * The next file and ledger for a stack's wish. Pure: the same facts give the same plan, so a run that was killed
 * anywhere is finished by the next.
 * @throws UserError where somebody else wants another value.
 */
export function planFile(file: string, current: FileText, ledger: Ledger | undefined, wish: Wish): Plan {
  const base = baseOf(current, ledger, wish);
  const former = ledger?.claims ?? [];
  const [conflict] = claimConflicts(file, { base, current }, former, wish);
  if (conflict) throw conflict;
  const claims = claimsAfter(former, wish);
  const text = render(base, claims);
  const keys = [...former, ...claims, ...wish.previously].map(({ pointer }) => topKey(pointer));
  const touched = [...new Set([...(ledger?.touched ?? []), ...keys])].sort();
  // Also the texts in between, on the way forward or back.
  const passed = [current, text, ...waypoints(current, text, touched), ...waypoints(text, current, touched)];
  const known = [...new Set(passed.map(fingerprint))];
  const { outdated } = ledger ?? {};
  return {
    text,
    ledger: { version: 1, file, base, settled: text, known, claims, touched, ...(outdated && { outdated }) },
  };
}

function baseOf(current: FileText, ledger: Ledger | undefined, wish: Wish): FileText {
  if (!ledger) return withoutOwned(current, wish.previously, undefined);
  if (ledger.known.includes(fingerprint(current))) return ledger.base;
  // Somebody removed the file: that is theirs to decide, but for a daemon that could not start without it.
  if (current === null && wish.fileRequired) return "{}\n";
  return rebase({ base: ledger.base, settled: ledger.settled, current, owned: ledger.claims });
}

function claimsAfter(claims: Claim[], wish: Wish): Claim[] {
  const mine = (claim: Claim) => claim.stack === wish.stack;
  const wished = wish.entries.map((entry): Claim => {
    const before = claims.find((claim) => mine(claim) && sameEntry(claim, entry));
    return { stack: wish.stack, ...entry, since: before?.since ?? wish.now.toISOString() };
  });
  const kept = wished.length > 0 ? claims.findIndex(mine) : -1;
  const others = claims.filter((claim) => !mine(claim));
  // A stack keeps its place, so that two stacks do not take turns in being first.
  const place = kept < 0 ? others.length : claims.slice(0, kept).filter((claim) => !mine(claim)).length;
  return [...others.slice(0, place), ...wished, ...others.slice(place)];
}

/**
 * Whether a list of the file shows a stack's elements where they belong: first, after those of stacks that came before.
 */
export function showsElements(
  list: string[],
  key: string,
  elements: string[],
  stack: string,
  claims: Claim[],
): boolean {
  const others = elementsOf(
    claims.filter((claim) => claim.stack !== stack),
    key,
  );
  const isForeign = (element: string) => !others.some((other) => same(key, other, element));
  const isMine = (element: string) => elements.some((own) => same(key, own, element));
  const relevant = list.filter((element) => isMine(element) || isForeign(element));
  return elements.every((element, index) => index < relevant.length && same(key, element, relevant[index]!));
}
