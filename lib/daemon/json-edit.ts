import type { Node } from "jsonc-parser";
import { findProperty, parseDaemonJson, type DaemonDocument } from "./daemon-json.ts";

// jsonc-parser's `modify` formats every line that it touches, a whole file if that is one line. These edits are splices:
// no byte outside the entry changes.

/** Puts elements at the start of a top-level list, in this order; makes the list, or the document, where there is none. */
export function prependToList(text: string | null, key: string, elements: string[]): string {
  const document = parsed(text);
  if (elements.length === 0) return document.text;
  const found = findProperty(document.root, key);
  const first = found?.value.children?.[0];
  if (found && first) {
    const space = document.text.slice(found.value.offset + 1, first.offset);
    const inserted = elements
      .map((element) => `${JSON.stringify(element)},${space === "" ? " " : space}`)
      .join("");
    return splice(document.text, first.offset, 0, inserted);
  }
  return setList(document, key, elements);
}

/** Sets a top-level list to `[]`. dockerd forgets what it has been told only by an explicit empty value. */
export function emptyList(text: string | null, key: string): string {
  return setList(parsed(text), key, []);
}

/** Takes elements out of a top-level list; `same` says which. The list itself stays, if empty as `[]`. */
export function removeFromList(text: string, key: string, gone: (element: string) => boolean): string {
  let result = text;
  for (;;) {
    const array = findProperty(parsed(result).root, key)?.value;
    const elements = array?.type === "array" ? (array.children ?? []) : [];
    const index = elements.findIndex((node) => gone(String(node.value)));
    if (!array || index < 0) return result;
    result =
      elements.length === 1
        ? splice(result, array.offset, array.length, "[]")
        : removeEntry(result, elements, index);
  }
}

/** Takes a top-level key out. */
export function removeKey(text: string, key: string): string {
  const root = parsed(text).root;
  const properties = root?.children ?? [];
  const index = properties.findIndex((property) => property.children?.[0]?.value === key);
  if (!root || index < 0) return text;
  return properties.length === 1
    ? splice(text, root.offset, root.length, "{}")
    : removeEntry(text, properties, index);
}

function setList(document: DaemonDocument, key: string, elements: string[]): string {
  const { text, root } = document;
  const list = `[${elements.map((element) => JSON.stringify(element)).join(", ")}]`;
  const value = findProperty(root, key)?.value;
  if (value) return splice(text, value.offset, value.length, list);
  const properties = root?.children ?? [];
  const first = properties[0];
  const last = properties.at(-1);
  if (!root || !first || !last) {
    const eol = text.includes("\r\n") ? "\r\n" : "\n";
    const object = `{${eol}  ${JSON.stringify(key)}: ${list}${eol}}`;
    return root ? splice(text, root.offset, root.length, object) : object + eol;
  }
  const [name, firstValue] = first.children ?? [];
  // Write the entry as its neighbours are written.
  const colon = name && firstValue ? text.slice(name.offset + name.length, firstValue.offset) : ": ";
  const space = text.slice(root.offset + 1, first.offset);
  const entry = `,${space}${JSON.stringify(key)}${colon.trim() === ":" ? colon : ": "}${list}`;
  return splice(text, last.offset + last.length, 0, entry);
}

/** Removes one of several entries with the comma that belongs to it. */
function removeEntry(text: string, entries: Node[], index: number): string {
  const entry = entries[index]!;
  const previous = entries[index - 1];
  const from = previous ? previous.offset + previous.length : entry.offset;
  const to = previous ? entry.offset + entry.length : entries[index + 1]!.offset;
  return splice(text, from, to - from, "");
}

function splice(text: string, offset: number, length: number, inserted: string): string {
  return text.slice(0, offset) + inserted + text.slice(offset + length);
}

function parsed(text: string | null): DaemonDocument {
  const result = parseDaemonJson(text);
  if (!result.ok) throw new Error(`the text does not parse: line ${result.fault.line}: ${result.fault.what}`);
  return result.document;
}
