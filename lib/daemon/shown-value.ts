import { topKey } from "./pointer.ts";

/** A value for a message: JSON text on one line, never one that may hold a login. */
export function shownValue(pointer: string, json: string | undefined): string {
  if (json === undefined) return "nothing";
  if (mayHoldLogin(pointer, json)) return "a value that is not shown";
  const line = json.replace(/\s+/g, " ");
  return line.length > 100 ? `${line.slice(0, 97)}…` : line;
}

/** Whether a value may hold a password: proxies, and any URL with a user before its host. */
export function mayHoldLogin(pointer: string, json: string): boolean {
  if (topKey(pointer) === "proxies") return true;
  if (/pass(word|wd)?\b|token|secret|credential/i.test(pointer)) return true;
  return holdsLogin(json);
}

/** Whether a text holds a URL with a user: `http://user:password@host`. */
export function holdsLogin(text: string): boolean {
  return /[a-z][a-z0-9+.-]*:(\/|\\\/){2}[^/\s"]*@/i.test(text);
}
