import { readSecret, type SecretSource } from "./source.ts";
import { loginForms } from "./url-login.ts";

/** Shorter pieces are left: they would stand in many a harmless word. */
const shortest = 4;

/** Puts `***` where a text holds a value of the given secrets: whole, a line of it, or the password of a URL. */
export function redactor(sources: (SecretSource | string)[], env = process.env): (text: string) => string {
  const values = sources
    .map((source) => (typeof source === "string" ? source : readSecret(source, env)))
    .filter((value) => value !== undefined);
  // The longest first: a piece of a value must not leave the rest of it standing.
  const pieces = [...new Set(values.flatMap(piecesOf))].sort((a, b) => b.length - a.length);
  return (text) => pieces.reduce((rest, piece) => rest.replaceAll(piece, "***"), text);
}

function piecesOf(value: string): string[] {
  const parts = [value, ...value.split(/\r?\n/).map((line) => line.trim()), ...loginForms(value)];
  return parts.filter((part) => part.length >= shortest);
}
