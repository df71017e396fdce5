import { readSecret, type SecretSource } from "./source.ts";
import { loginForms } from "./url-login.ts";

/** What stands in a secret's place. */
export const hidden = "***";

/** Shorter pieces are left: they would stand in many a harmless word. */
const shortest = 4;

/** Puts `***` where a text holds a value of the given secrets: whole, a line of it, or the password of a URL. */
export function redactor(sources: (SecretSource | string)[], env = process.env): (text: string) => string {
  const values = sources
    .map((source) => (typeof source === "string" ? source : readSecret(source, env)))
    .filter((value) => value !== undefined);
  const pieces = values.flatMap(piecesOf);
  return (text) => withoutPieces(text, pieces);
}

/** Puts `***` in place of each piece. The longest first: a piece of a value must not leave the rest of it standing. */
export function withoutPieces(text: string, pieces: string[]): string {
  const longestFirst = [...new Set(pieces)].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, piece) => rest.replaceAll(piece, hidden), text);
}

function piecesOf(value: string): string[] {
  const parts = [value, ...value.split(/\r?\n/).map((line) => line.trim()), ...loginForms(value)];
  return parts.filter((part) => part.length >= shortest);
}
