import {
  canonicalText,
  documentOf,
  parseDaemonJson,
  readList,
  sameDocument,
  type DaemonDocument,
} from "./daemon-json.ts";
import { nodeAt, prependToList, removeAt, removeFromList, setAt, textAt } from "./json-edit.ts";
import { normalMirror } from "./mirror-url.ts";
import { pointerOf, topKey } from "./pointer.ts";

/** One element of a list in daemon.json that is ours. The pointer names the list, e.g. `"/registry-mirrors"`. */
export interface OwnedElement {
  pointer: string;
  element: string;
}

/** A value in daemon.json that is ours, e.g. `"/log-opts/max-size"`. */
export interface OwnedValue {
  pointer: string;
  /** JSON text: numbers stay as they are written. */
  value: string;
}

/** What a stack may own in daemon.json. */
export type OwnedEntry = OwnedElement | OwnedValue;

/** A file's text; `null` is no file. */
export type FileText = string | null;

/**
 * The file as it stands with us: everybody else's text (`base`), our elements first in their lists, our values in their
 * places. A pure function of the two, so applying twice changes nothing and the last one to leave gives back `base`
 * itself, byte for byte.
 */
export function render(base: FileText, owned: OwnedEntry[]): FileText {
  let text = base;
  for (const [key, ours] of byList(owned)) {
    const theirs = readList(documentOf(text), key) ?? [];
    if (ours.every((element, index) => index < theirs.length && same(key, element, theirs[index]!))) continue;
    if (text !== null)
      text = removeFromList(text, key, (element) => ours.some((own) => same(key, own, element)));
    text = prependToList(text, key, ours);
  }
  for (const { pointer, value } of owned.filter(isValue)) text = setAt(text, pointer, value);
  return text;
}

/**
 * Everybody else's text, taken out of a file that somebody edited since we wrote it: our entries go, all else stays.
 * What `base` (the text before the edit; undefined if no record says) already had is given back, not removed.
 */
export function withoutOwned(current: FileText, owned: OwnedEntry[], base: FileText | undefined): FileText {
  if (current === null) return null;
  let text = current;
  const before = base === undefined ? undefined : documentOf(base);
  for (const [key, ours] of byList(owned)) {
    const theirs = before && readList(before, key);
    const isOurs = (element: string) =>
      ours.some((own) => same(key, own, element)) && !theirs?.some((their) => same(key, their, element));
    const edited = removeFromList(text, key, isOurs);
    const emptied = edited !== text && readList(documentOf(edited), key)?.length === 0;
    text = emptied && theirs === undefined ? restored(edited, pointerOf([key]), before) : edited;
  }
  for (const { pointer, value } of owned.filter(isValue)) {
    const now = textAt(documentOf(text), pointer);
    if (now === undefined || canonicalText(now) !== canonicalText(value)) continue; // somebody changed it: theirs now
    text = restored(text, pointer, before);
  }
  // A file that only we needed goes with us.
  const wasEmpty = base !== undefined && documentOf(base).root === undefined;
  return wasEmpty && (documentOf(text).root?.children ?? []).length === 0 ? base : text;
}

/** Puts back what a document had at a pointer; where it had nothing, the entry goes, and the objects that only held it. */
function restored(text: string, pointer: string, before: DaemonDocument | undefined): string {
  const former = before && textAt(before, pointer);
  if (former !== undefined) return setAt(text, pointer, former);
  const removed = removeAt(text, pointer);
  const parent = pointer.slice(0, pointer.lastIndexOf("/"));
  if (parent === "" || (nodeAt(documentOf(removed).root, parent)?.children ?? []).length > 0) return removed;
  if (before && nodeAt(before.root, parent)?.type === "object") return removed;
  return restored(removed, parent, before);
}

/** What the record says about a file that was edited since: `settled` is the text that we left there for `base`. */
export interface EditedFile {
  base: FileText;
  settled: FileText;
  current: FileText;
  owned: OwnedEntry[];
}

/**
 * Carries somebody's edit of our file over to `base`. An edit away from our entry is carried over byte for byte; one that
 * touches it is taken by its meaning.
 */
export function rebase(edited: EditedFile): FileText {
  const byMeaning = withoutOwned(edited.current, edited.owned, edited.base);
  const byText = threeWay(edited.settled, edited.base, edited.current);
  if (byText === undefined || byMeaning === null) return byMeaning;
  const parsed = parseDaemonJson(byText);
  // Where our element was theirs too, only the text knows its former place: the order may differ.
  const lists = [...byList(edited.owned).keys()];
  return parsed.ok && sameDocument(parsed.document, documentOf(byMeaning), lists) ? byText : byMeaning;
}

/** Applies the change `from → theirs` to `ours`, where each of the two changes is one stretch and they do not touch. */
function threeWay(from: FileText, ours: FileText, theirs: FileText): string | undefined {
  if (from === null || ours === null || theirs === null) return undefined;
  const [our, their] = [stretch(from, ours), stretch(from, theirs)];
  if (their.end <= our.start) {
    return ours.slice(0, their.start) + their.text + ours.slice(their.end);
  }
  if (their.start >= our.end) {
    const shift = our.text.length - (our.end - our.start);
    return ours.slice(0, their.start + shift) + their.text + ours.slice(their.end + shift);
  }
  return undefined;
}

/** The one stretch in which `to` differs from `from`: `from[start..end]` became `text`. */
function stretch(from: string, to: string): { start: number; end: number; text: string } {
  let start = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  let tail = 0;
  const limit = Math.min(from.length, to.length) - start;
  while (tail < limit && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
  return { start, end: from.length - tail, text: to.slice(start, to.length - tail) };
}

/** Elements by the key of their list, without doubles, in order. */
function byList(owned: OwnedEntry[]): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const entry of owned) {
    if (isValue(entry)) continue;
    const key = topKey(entry.pointer);
    const list = lists.get(key) ?? [];
    if (!list.some((other) => same(key, other, entry.element))) list.push(entry.element);
    lists.set(key, list);
  }
  return lists;
}

export function isValue<T extends OwnedEntry>(entry: T): entry is T & OwnedValue {
  return "value" in entry;
}

/** The elements that entries put into one list. */
export function elementsOf(entries: OwnedEntry[], key: string): string[] {
  return byList(entries).get(key) ?? [];
}

/** Whether two entries say the same of the same place. */
export function sameEntry(a: OwnedEntry, b: OwnedEntry): boolean {
  if (a.pointer !== b.pointer) return false;
  if (isValue(a)) return isValue(b) && canonicalText(a.value) === canonicalText(b.value);
  return !isValue(b) && same(topKey(a.pointer), a.element, b.element);
}

/** Whether two elements of a list mean the same. */
export function same(key: string, a: string, b: string): boolean {
  return key === "registry-mirrors" ? normalMirror(a) === normalMirror(b) : a === b;
}
