import { createHash } from "node:crypto";
import { z } from "zod";
import { emptyList } from "./json-edit.ts";
import { rebase, render, same, listKey, withoutOwned, type FileText, type OwnedElement } from "./merge.ts";

/** One stack's right to one element. Several stacks may claim the same: it stays until the last one leaves. */
export interface Claim extends OwnedElement {
  stack: string;
  /** ISO time. */
  since: string;
}

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
}

const LedgerSchema: z.ZodType<Ledger> = z.object({
  version: z.literal(1),
  file: z.string(),
  base: z.string().nullable(),
  settled: z.string().nullable(),
  known: z.array(z.string()),
  claims: z.array(
    z.object({ stack: z.string(), pointer: z.string(), element: z.string(), since: z.string() }),
  ),
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

/** What one stack wants to have in the file. An empty list means that it leaves. */
export interface Wish {
  stack: string;
  pointer: string;
  elements: string[];
  /** What this stack set earlier by its own record: used only where the ledger is lost. */
  previously: string[];
  now: Date;
  /** dockerd was told the file's name and would not start without the file. */
  fileRequired: boolean;
}

/** The file and the ledger as they shall be. */
export interface Plan {
  text: FileText;
  ledger: Ledger;
}

/**
 * The next file and ledger for a stack's wish. Pure: the same facts give the same plan, so a run that was killed
 * anywhere is finished by the next.
 */
export function planFile(file: string, current: FileText, ledger: Ledger | undefined, wish: Wish): Plan {
  const base = baseOf(current, ledger, wish);
  const claims = claimsAfter(ledger?.claims ?? [], wish);
  const text = render(base, claims);
  // Also the texts in between, by which dockerd is made to forget (`[]`), on the way forward or back.
  const key = listKey(wish.pointer);
  const known = [current, text, emptyList(current, key), emptyList(text, key)].map(fingerprint);
  return { text, ledger: { version: 1, file, base, settled: text, known: [...new Set(known)], claims } };
}

function baseOf(current: FileText, ledger: Ledger | undefined, wish: Wish): FileText {
  if (!ledger) {
    const ours = wish.previously.map((element) => ({ pointer: wish.pointer, element }));
    return withoutOwned(current, ours, undefined);
  }
  if (ledger.known.includes(fingerprint(current))) return ledger.base;
  // Somebody removed the file: that is theirs to decide, but for a daemon that could not start without it.
  if (current === null && wish.fileRequired) return "{}\n";
  return rebase({ base: ledger.base, settled: ledger.settled, current, owned: ledger.claims });
}

function claimsAfter(claims: Claim[], wish: Wish): Claim[] {
  const key = listKey(wish.pointer);
  const mine = (claim: Claim) => claim.stack === wish.stack && claim.pointer === wish.pointer;
  const wished = wish.elements.map((element): Claim => {
    const before = claims.find((claim) => mine(claim) && same(key, claim.element, element));
    return {
      stack: wish.stack,
      pointer: wish.pointer,
      element,
      since: before?.since ?? wish.now.toISOString(),
    };
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
  pointer: string,
  elements: string[],
  stack: string,
  claims: Claim[],
): boolean {
  const key = listKey(pointer);
  const isForeign = (element: string) =>
    !claims.some(
      (claim) => claim.pointer === pointer && claim.stack !== stack && same(key, claim.element, element),
    );
  const isMine = (element: string) => elements.some((own) => same(key, own, element));
  const relevant = list.filter((element) => isMine(element) || isForeign(element));
  return elements.every((element, index) => index < relevant.length && same(key, element, relevant[index]!));
}
