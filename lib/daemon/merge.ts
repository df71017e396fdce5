import { parseDaemonJson, readList, sameDocument, type DaemonDocument } from "./daemon-json.ts";
import { prependToList, removeFromList, removeKey } from "./json-edit.ts";
import { normalMirror } from "./mirror-url.ts";

/** One element of a list in daemon.json that is ours. The pointer names the list, e.g. `"/registry-mirrors"`. */
export interface OwnedElement {
  pointer: string;
  element: string;
}

/** A file's text; `null` is no file. */
export type FileText = string | null;

/**
 * The file as it stands with us: everybody else's text (`base`), our elements first in their lists. A pure function of
 * the two, so applying twice changes nothing and the last one to leave gives back `base` itself, byte for byte.
 */
export function render(base: FileText, owned: OwnedElement[]): FileText {
  let text = base;
  for (const [key, ours] of byList(owned)) {
    const theirs = readList(mustParse(text), key) ?? [];
    if (ours.every((element, index) => index < theirs.length && same(key, element, theirs[index]!))) continue;
    if (text !== null)
      text = removeFromList(text, key, (element) => ours.some((own) => same(key, own, element)));
    text = prependToList(text, key, ours);
  }
  return text;
}

/**
 * Everybody else's text, taken out of a file that somebody edited since we wrote it: our elements go, all else stays.
 * What `base` (the text before the edit; undefined if no record says) already had is not ours to remove.
 */
export function withoutOwned(current: FileText, owned: OwnedElement[], base: FileText | undefined): FileText {
  if (current === null) return null;
  let text = current;
  const before = base === undefined ? undefined : mustParse(base);
  for (const [key, ours] of byList(owned)) {
    const theirs = before && readList(before, key);
    const isOurs = (element: string) =>
      ours.some((own) => same(key, own, element)) && !theirs?.some((their) => same(key, their, element));
    const edited = removeFromList(text, key, isOurs);
    const emptied = edited !== text && readList(mustParse(edited), key)?.length === 0;
    text = emptied && theirs === undefined ? removeKey(edited, key) : edited;
  }
  // A file that only we needed goes with us.
  const wasEmpty = base !== undefined && mustParse(base).root === undefined;
  return wasEmpty && (mustParse(text).root?.children ?? []).length === 0 ? base : text;
}

/** What the record says about a file that was edited since: `settled` is the text that we left there for `base`. */
export interface EditedFile {
  base: FileText;
  settled: FileText;
  current: FileText;
  owned: OwnedElement[];
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
  const lists = edited.owned.map(({ pointer }) => listKey(pointer));
  return parsed.ok && sameDocument(parsed.document, mustParse(byMeaning), lists) ? byText : byMeaning;
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
function byList(owned: OwnedElement[]): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const { pointer, element } of owned) {
    const key = listKey(pointer);
    const list = lists.get(key) ?? [];
    if (!list.some((other) => same(key, other, element))) list.push(element);
    lists.set(key, list);
  }
  return lists;
}

/** The top-level key that a JSON pointer names. */
export function listKey(pointer: string): string {
  if (!/^\/[^/]+$/.test(pointer))
    throw new Error(`${pointer}: only lists at the top of daemon.json can be shared`);
  return pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Whether two elements of a list mean the same. */
export function same(key: string, a: string, b: string): boolean {
  return key === "registry-mirrors" ? normalMirror(a) === normalMirror(b) : a === b;
}

function mustParse(text: FileText): DaemonDocument {
  const result = parseDaemonJson(text);
  if (!result.ok) throw new Error(`the text does not parse: line ${result.fault.line}: ${result.fault.what}`);
  return result.document;
}
