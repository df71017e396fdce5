import type { Node } from "jsonc-parser";
import { canonicalText, findProperty, documentOf, type DaemonDocument } from "./daemon-json.ts";
import { pathOf } from "./pointer.ts";

// jsonc-parser's `modify` formats every line that it touches, a whole file if that is one line. These edits are splices:
// no byte outside the entry changes.

/** Puts elements at the start of a top-level list, in this order; makes the list, or the document, where there is none. */
export function prependToList(text: string | null, key: string, elements: string[]): string {
  const document = documentOf(text);
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
  const list = `[${elements.map((element) => JSON.stringify(element)).join(", ")}]`;
  if (found) return splice(document.text, found.value.offset, found.value.length, list);
  return insert(document, document.root, key, list);
}

/** Takes elements out of a top-level list; `same` says which. The list itself stays, if empty as `[]`. */
export function removeFromList(text: string, key: string, gone: (element: string) => boolean): string {
  let result = text;
  for (;;) {
    const array = findProperty(documentOf(result).root, key)?.value;
    const elements = array?.type === "array" ? (array.children ?? []) : [];
    const index = elements.findIndex((node) => gone(String(node.value)));
    if (!array || index < 0) return result;
    result =
      elements.length === 1
        ? splice(result, array.offset, array.length, "[]")
        : removeEntry(result, elements, index);
  }
}

/** The value at a JSON pointer, or undefined. */
export function nodeAt(root: Node | undefined, pointer: string): Node | undefined {
  let node = root;
  for (const step of pathOf(pointer))
    node = node?.type === "object" ? findProperty(node, step)?.value : undefined;
  return node;
}

/** The text of the value at a JSON pointer, as it is written; undefined where there is none. */
export function textAt(document: DaemonDocument, pointer: string): string | undefined {
  const node = nodeAt(document.root, pointer);
  return node && document.text.slice(node.offset, node.offset + node.length);
}

/**
 * Sets the value at a JSON pointer to a JSON text, makes the objects above it (in place of what is none), and leaves one that means the same as it
 * is written.
 */
export function setAt(text: string | null, pointer: string, json: string): string {
  const document = documentOf(text);
  const path = pathOf(pointer);
  let parent = document.root;
  for (const [depth, step] of path.entries()) {
    const value = findProperty(parent, step)?.value;
    const rest = path.slice(depth + 1);
    if (!value) return insert(document, parent, step, nested(rest, json));
    if (rest.length === 0) {
      const now = document.text.slice(value.offset, value.offset + value.length);
      if (now === json || canonicalText(document.text, value) === canonicalText(json)) return document.text;
      return splice(document.text, value.offset, value.length, json);
    }
    if (value.type !== "object") return splice(document.text, value.offset, value.length, nested(rest, json));
    parent = value;
  }
  return document.text;
}

/** Takes the entry at a JSON pointer out; its object stays, if empty as `{}`. */
export function removeAt(text: string, pointer: string): string {
  const path = pathOf(pointer);
  const { root } = documentOf(text);
  const parent = path.length === 1 ? root : nodeAt(root, pointer.slice(0, pointer.lastIndexOf("/")));
  const properties = parent?.type === "object" ? (parent.children ?? []) : [];
  const index = properties.findIndex((property) => property.children?.[0]?.value === path.at(-1));
  if (!parent || index < 0) return text;
  return properties.length === 1
    ? splice(text, parent.offset, parent.length, "{}")
    : removeEntry(text, properties, index);
}

function nested(path: string[], json: string): string {
  return path.reduceRight((inner, step) => `{${JSON.stringify(step)}: ${inner}}`, json);
}

function insert(document: DaemonDocument, parent: Node | undefined, key: string, json: string): string {
  const { text, root } = document;
  const properties = parent?.children ?? [];
  const first = properties[0];
  const last = properties.at(-1);
  if (!parent || !first || !last) {
    if (parent !== root) return splice(text, parent!.offset, parent!.length, nested([key], json));
    const eol = text.includes("\r\n") ? "\r\n" : "\n";
    const object = `{${eol}  ${JSON.stringify(key)}: ${json}${eol}}`;
    return root ? splice(text, root.offset, root.length, object) : object + eol;
  }
  const [name, firstValue] = first.children ?? [];
  // Write the entry as its neighbours are written.
  const colon = name && firstValue ? text.slice(name.offset + name.length, firstValue.offset) : ": ";
  const space = text.slice(parent.offset + 1, first.offset);
  const entry = `,${space}${JSON.stringify(key)}${colon.trim() === ":" ? colon : ": "}${json}`;
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
