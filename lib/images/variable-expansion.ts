/** Result of an expansion: the text, and the names that had no value. */
export interface Expansion {
  text: string;
  /** Names without a value that were needed as they stand, e.g. `["CUDA"]`. */
  unset: string[];
  /** What BuildKit refuses, e.g. a quote that is not closed, or the message of `${A:?message}`. */
  problem?: string;
  /** A form that this reader does not know, e.g. `"${A#b}"`. */
  unknown?: string;
}

/**
 * Expands `$X`, `${X}`, `${X:-y}`, `${X-y}`, `${X:+y}`, `${X+y}`, `${X:?y}` and takes quotes and escapes away, as BuildKit does for one word.
 * @param lookup value of a variable, undefined where it is not set
 */
export function expandWord(
  word: string,
  lookup: (name: string) => string | undefined,
  escape = "\\",
): Expansion {
  const unset: string[] = [];
  let problem: string | undefined;
  let unknown: string | undefined;
  let at = 0;

  /** Reads up to `stop` (or the end), outside quotes. */
  function plain(stop: string | undefined): string {
    let out = "";
    while (at < word.length) {
      const char = word[at]!;
      if (char === stop) return out;
      if (char === "'") {
        const end = word.indexOf("'", at + 1);
        if (end < 0) problem ??= "a quote is not closed";
        out += word.slice(at + 1, end < 0 ? undefined : end);
        at = end < 0 ? word.length : end + 1;
      } else if (char === '"') {
        at++;
        out += doubleQuoted();
      } else if (char === "$") out += variable();
      else if (char === escape) {
        at++;
        if (at < word.length) out += word[at++];
      } else {
        out += char;
        at++;
      }
    }
    if (stop) problem ??= `a "${stop}" is missing`;
    return out;
  }

  function doubleQuoted(): string {
    let out = "";
    while (at < word.length) {
      const char = word[at]!;
      if (char === '"') {
        at++;
        return out;
      }
      if (char === "$") out += variable();
      else if (char === escape && at + 1 < word.length) {
        const next = word[at + 1]!;
        out += next === '"' || next === "$" || next === escape ? next : char + next;
        at += 2;
      } else {
        out += char;
        at++;
      }
    }
    problem ??= "a quote is not closed";
    return out;
  }

  function variable(): string {
    at++; // the $
    if (word[at] !== "{") {
      const name = /^(?:[A-Za-z_]\w*|[0-9@*#?!-])/.exec(word.slice(at))?.[0];
      if (!name) return "$";
      at += name.length;
      return valueOf(name);
    }
    at++;
    const name = /^[A-Za-z_]\w*|^\d+/.exec(word.slice(at))?.[0] ?? "";
    at += name.length;
    if (!name) problem ??= "bad substitution";
    if (word[at] === "}") {
      at++;
      return valueOf(name);
    }
    const colon = word[at] === ":" ? ":" : "";
    at += colon.length;
    const operator = word[at] ?? "";
    at++;
    const start = at;
    const before = unset.length;
    const other = plain("}");
    at++; // the }
    const value = lookup(name);
    const there = value !== undefined && !(colon && value === "");
    if (operator === "+" ? !there : there) unset.length = before; // the other word was not needed
    if (operator === "-") return there ? value : other;
    if (operator === "+") return there ? other : "";
    if (operator === "?") {
      if (!there) problem ??= `${name}: ${other || "is not set"}`;
      return value ?? "";
    }
    unknown ??= `\${${name}${colon}${operator}${word.slice(start, at)} is a form that is not supported here`;
    return "";
  }

  function valueOf(name: string): string {
    const value = lookup(name);
    if (value === undefined) unset.push(name);
    return value ?? "";
  }

  const text = plain(undefined);
  return {
    text,
    unset,
    ...(problem !== undefined && { problem }),
    ...(unknown !== undefined && { unknown }),
  };
}

/** Splits the words of ARG, ENV and LABEL: at white space outside quotes; quotes stay for `expandWord`. */
export function splitQuoted(text: string, escape = "\\"): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (!quote && /\s/.test(char)) {
      if (word) words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === escape && quote !== "'" && at + 1 < text.length) word += text[++at];
    else if (quote) {
      if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
  }
  if (word) words.push(word);
  return words;
}
