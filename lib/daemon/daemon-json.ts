import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { messageOf } from "../errors.ts";
import { SHARED_LISTS } from "./daemon-keys.ts";

/** Why a daemon.json cannot be used, where, and what a person does about it. Lines and columns count from 1. */
export interface Fault {
  line: number;
  column: number;
  what: string;
  fix: string;
}

/** A daemon.json that dockerd would read as we do: its exact text, and its object (undefined for a blank file). */
export interface DaemonDocument {
  text: string;
  root: Node | undefined;
}

export type ParseResult = { ok: true; document: DaemonDocument } | { ok: false; fault: Fault };

const CUT_OFF = "the file may be cut off: complete it";
const PARSE_ERRORS: Partial<Record<ReturnType<typeof printParseErrorCode>, [what: string, fix: string]>> = {
  InvalidCommentToken: ["a comment", "remove it: JSON has no comments and dockerd would not start"],
  UnexpectedEndOfComment: ["a comment", "remove it: JSON has no comments and dockerd would not start"],
  EndOfFileExpected: ["more text after the end of the object", "keep one object"],
  PropertyNameExpected: ["a key in double quotes is missing", 'write "key": value'],
  ValueExpected: ["a value is missing", "write one, or remove the key"],
  ColonExpected: ["a colon is missing after the key", 'write "key": value'],
  CommaExpected: ["a comma is missing", "put a comma between the entries"],
  CloseBraceExpected: ["the closing } is missing", CUT_OFF],
  CloseBracketExpected: ["the closing ] is missing", CUT_OFF],
  UnexpectedEndOfString: ["a text has no closing quote", 'end it with "'],
  InvalidCharacter: ["a control character inside a text", "write it as an escape such as \\n or \\t"],
};

/**
 * Parses a daemon.json as strictly as dockerd, and stricter where dockerd stays silent (duplicate keys, `registry-mirror`).
 * No file (`null`) and a blank file are an empty document.
 */
export function parseDaemonJson(text: string | null): ParseResult {
  if (text === null || /^[ \t\r\n]*$/.test(text))
    return { ok: true, document: { text: text ?? "", root: undefined } };
  const refuse = (offset: number, what: string, fix: string): ParseResult => ({
    ok: false,
    fault: { ...positionOf(text, offset), what, fix },
  });

  if (text.startsWith("\uFEFF")) {
    return refuse(0, "the file starts with a byte order mark", "save it as UTF-8 without a byte order mark");
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const first = errors[0];
  if (first) return refuse(first.offset, ...describe(first, text));
  // jsonc-parser is more forgiving than JSON in corners (control characters in strings, for one).
  const strict = strictError(text);
  if (strict) return refuse(strict.offset, strict.message, "make it valid JSON");
  if (root?.type !== "object") {
    return refuse(root?.offset ?? 0, `the file holds ${article(root?.type)}`, "write an object: { … }");
  }
  const duplicate = duplicateKey(root);
  if (duplicate) {
    const name = JSON.stringify(duplicate.value);
    return refuse(
      duplicate.offset,
      `the key ${name} stands there twice`,
      "keep one: dockerd would silently take the last",
    );
  }
  return valueFault(root, refuse) ?? { ok: true, document: { text, root } };
}

/** The last documents, since one change looks at the same few texts again and again. */
const recent = new Map<string | null, DaemonDocument>();

/** The document of a text that was checked before. */
export function documentOf(text: string | null): DaemonDocument {
  const known = recent.get(text);
  if (known) return known;
  const errors: ParseError[] = [];
  const root = text?.trim() ? parseTree(text, errors) : undefined;
  if (errors[0]) throw new Error(`the text does not parse: ${printParseErrorCode(errors[0].error)}`);
  if (recent.size >= 32) recent.clear();
  const document = { text: text ?? "", root };
  recent.set(text, document);
  return document;
}

/** One line for a person, e.g. `/etc/docker/daemon.json:3:5: a comma before } (JSON allows none): remove it`. */
export function faultMessage(file: string, fault: Fault): string {
  return `${file}:${fault.line}:${fault.column}: ${fault.what}: ${fault.fix}`;
}

/** The property of a top-level key, with its value, or undefined. */
export function findProperty(
  root: Node | undefined,
  key: string,
): { property: Node; value: Node } | undefined {
  for (const property of root?.children ?? []) {
    const [name, value] = property.children ?? [];
    if (name?.value === key && value) return { property, value };
  }
  return undefined;
}

/** The strings of a top-level list; undefined where the key is absent or null. */
export function readList(document: DaemonDocument, key: string): string[] | undefined {
  const found = findProperty(document.root, key);
  return found?.value.type === "array"
    ? (found.value.children ?? []).map((node) => String(node.value))
    : undefined;
}

/**
 * Whether two documents say the same: key order and white space aside, numbers compared as they are written. The order
 * of the top-level lists named in `unordered` does not count.
 */
export function sameDocument(a: DaemonDocument, b: DaemonDocument, unordered: string[] = []): boolean {
  const sorted = (document: DaemonDocument) =>
    unordered.map((key) => [...(readList(document, key) ?? [])].sort());
  const rest = (document: DaemonDocument) => canonical(document.text, document.root, unordered);
  return rest(a) === rest(b) && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** A JSON text, or a part of one, in the one spelling under which two are compared; numbers as they are written. */
export function canonicalText(text: string, node: Node | undefined = parseTree(text)): string {
  return canonical(text, node);
}

function canonical(text: string, node: Node | undefined, skip: string[] = []): string {
  if (!node) return "{}";
  const children = (node.children ?? []).filter(
    (child) => !skip.includes(String(child.children?.[0]?.value)),
  );
  if (node.type === "array") return `[${children.map((child) => canonical(text, child)).join(",")}]`;
  if (node.type === "object") {
    const members = children.map(
      (child) => `${JSON.stringify(child.children?.[0]?.value)}:${canonical(text, child.children?.[1])}`,
    );
    return `{${members.sort().join(",")}}`;
  }
  if (node.type === "string") return JSON.stringify(node.value);
  return text.slice(node.offset, node.offset + node.length);
}

function valueFault(root: Node, refuse: (offset: number, what: string, fix: string) => ParseResult) {
  const singular = findProperty(root, "registry-mirror");
  if (singular) {
    const fix = 'rename it to "registry-mirrors" with a list, or remove it';
    return refuse(singular.property.offset, 'dockerd silently ignores the key "registry-mirror"', fix);
  }
  for (const key of SHARED_LISTS) {
    const value = findProperty(root, key)?.value;
    if (!value || value.type === "null") continue;
    if (value.type !== "array") {
      return refuse(value.offset, `"${key}" holds ${article(value.type)}`, 'write a list: ["…"]');
    }
    const odd = value.children?.find((child) => child.type !== "string");
    if (odd)
      return refuse(
        odd.offset,
        `"${key}" has an element that is ${article(odd.type)}`,
        "write text in quotes",
      );
  }
  return undefined;
}

function duplicateKey(node: Node): Node | undefined {
  if (node.type === "object") {
    const seen = new Set<unknown>();
    for (const property of node.children ?? []) {
      const name = property.children?.[0];
      if (name && seen.has(name.value)) return name;
      seen.add(name?.value);
    }
  }
  for (const child of node.children ?? []) {
    const found = duplicateKey(child);
    if (found) return found;
  }
  return undefined;
}

function describe(error: ParseError, text: string): [what: string, fix: string] {
  const next = text[error.offset];
  const code = printParseErrorCode(error.error);
  const afterComma = (next === "}" || next === "]") && /,\s*$/.test(text.slice(0, error.offset));
  if (afterComma && (code === "PropertyNameExpected" || code === "ValueExpected")) {
    return [`a comma before ${next}`, "remove the comma"];
  }
  return PARSE_ERRORS[code] ?? [`${JSON.stringify(next ?? "")} is not JSON here`, "make it valid JSON"];
}

function strictError(text: string): { offset: number; message: string } | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = messageOf(error);
    return { offset: Number(/position (\d+)/.exec(message)?.[1] ?? 0), message };
  }
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

function article(type: string | undefined): string {
  if (type === undefined) return "nothing";
  return type === "array"
    ? "a list"
    : type === "object"
      ? "an object"
      : type === "null"
        ? "null"
        : `a ${type}`;
}
