/** A word as written, quotes and variables in it, or an operator such as `"&&"`. */
export interface ShellToken {
  text: string;
  isOperator: boolean;
}

const operators = [";;&", ";;", ";&", "&&", "||", "|&", ";", "|", "&", "(", ")", "\n"];

/** Cuts a shell text into words and operators. Never throws; what is not closed goes to the end. */
export function shellTokens(text: string): ShellToken[] {
  const tokens: ShellToken[] = [];
  let word = "";
  let at = 0;
  const endWord = () => {
    if (word !== "") tokens.push({ text: word, isOperator: false });
    word = "";
  };
  const take = (end: number) => {
    word += text.slice(at, end);
    at = end;
  };
  while (at < text.length) {
    const char = text[at]!;
    if (char === "\\" && text[at + 1] === "\n") at += 2;
    else if (char === "\\") take(Math.min(at + 2, text.length));
    else if (char === "'" || char === "`") take(closing(text, at, char));
    else if (char === '"') take(endOfQuoted(text, at));
    else if (char === "$" && (text[at + 1] === "(" || text[at + 1] === "{"))
      take(endOfBrackets(text, at + 1));
    else if (char === "#" && word === "") at = lineEnd(text, at);
    else if (char === "&" && (/[<>]$/.test(word) || text[at + 1] === ">")) take(at + 1);
    else if (/[ \t\r]/.test(char)) {
      endWord();
      at++;
    } else {
      const operator = operators.find((one) => text.startsWith(one, at));
      if (operator === undefined) take(at + 1);
      else {
        endWord();
        tokens.push({ text: operator, isOperator: true });
        at += operator.length;
      }
    }
  }
  endWord();
  return tokens;
}

function closing(text: string, start: number, quote: string): number {
  const end = text.indexOf(quote, start + 1);
  return end < 0 ? text.length : end + 1;
}

function endOfQuoted(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") at += 2;
    else if (text[at] === "$" && text[at + 1] === "(") at = endOfBrackets(text, at + 1);
    else at++;
  }
  return Math.min(at + 1, text.length);
}

/** Where `(…)` or `{…}` ends, with those inside it. */
function endOfBrackets(text: string, start: number): number {
  const [open, close] = text[start] === "(" ? ["(", ")"] : ["{", "}"];
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\") at++;
    else if (char === "'") at = closing(text, at, "'") - 1;
    else if (char === open) depth++;
    else if (char === close && --depth === 0) return at + 1;
  }
  return text.length;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
