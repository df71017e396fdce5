/** One simple command of a shell text, e.g. `pip install x` of `cd /a && pip install x`. */
export interface Command {
  /** Words without their quotes; variables stay as written. */
  words: string[];
  /** Watched variables that are set for it in the same text: `A=1 pip …` or `export A=1 && pip …`. */
  variables: ReadonlyMap<string, string>;
}

/** Variables whose value a rule asks for. */
export const watched = new Set([
  "CONDA_PKGS_DIRS",
  "PIP_CACHE_DIR",
  "PIP_EXTRA_INDEX_URL",
  "PIP_INDEX_URL",
  "PIP_NO_CACHE_DIR",
  "TORCH_CUDA_ARCH_LIST",
  "UV_CACHE_DIR",
  "UV_DEFAULT_INDEX",
  "UV_EXTRA_INDEX_URL",
  "UV_INDEX",
  "UV_INDEX_URL",
  "UV_LINK_MODE",
  "UV_NO_CACHE",
  "UV_TORCH_BACKEND",
]);

const beforeCommand = new Set(["!", "do", "elif", "else", "if", "then", "until", "while", "{", "}"]);
const wrappers = new Set(["command", "env", "exec", "nice", "sudo", "time"]);
const shell = /^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z)?sh$/;
const assignment = /^([A-Za-z_]\w*)=([\s\S]*)$/;

/** Cuts a shell text into simple commands. A reader for lint: never throws, and takes time in proportion to the text. */
export function readCommands(text: string): Command[] {
  return commandsOf(splitWords(text), new Map(), 0);
}

/** The same for a command that is already in words, as in `RUN ["pip", "install", "x"]`. */
export function readExec(words: string[]): Command[] {
  return commandsOf([words], new Map(), 0);
}

function commandsOf(lists: string[][], outer: ReadonlyMap<string, string>, depth: number): Command[] {
  const commands: Command[] = [];
  let exported = outer;
  for (const list of lists) {
    const { words, set } = withoutPrefix(list);
    if (words.length === 0 || words[0] === "export") {
      // Assignments by themselves hold for the rest of the text.
      for (const word of words.slice(1)) note(word, set);
      if (set.size > 0) exported = new Map([...exported, ...set]);
      continue;
    }
    const variables = set.size > 0 ? new Map([...exported, ...set]) : exported;
    const script = depth < 3 && shell.test(words[0]!) ? scriptOf(words) : undefined;
    if (script === undefined) commands.push({ words, variables });
    else commands.push(...commandsOf(splitWords(script), variables, depth + 1));
  }
  return commands;
}

/** Text after `sh -c` or `bash -lc`. */
function scriptOf(words: string[]): string | undefined {
  const flag = words.findIndex((word) => /^-\w*c$/.test(word));
  return flag < 0 ? undefined : words[flag + 1];
}

/** Takes `if`, `sudo`, `A=b` and the like off the front. */
function withoutPrefix(list: string[]): { words: string[]; set: Map<string, string> } {
  const set = new Map<string, string>();
  let at = 0;
  let wrapped = false;
  for (; at < list.length; at++) {
    const word = list[at]!;
    if (wrappers.has(word)) wrapped = true;
    else if (!beforeCommand.has(word) && !note(word, set) && !(wrapped && word.startsWith("-"))) break;
  }
  return { words: list.slice(at), set };
}

/** Whether a word is an assignment; its value is kept where a rule wants it. */
function note(word: string, set: Map<string, string>): boolean {
  const match = assignment.exec(word);
  if (match && watched.has(match[1]!)) set.set(match[1]!, match[2]!);
  return match !== null;
}

/** Words of each simple command. */
function splitWords(text: string): string[][] {
  const lists: string[][] = [];
  let list: string[] = [];
  let word = "";
  let inWord = false;
  let at = 0;

  function endWord(): void {
    if (inWord) list.push(word);
    word = "";
    inWord = false;
  }
  function endCommand(): void {
    endWord();
    if (list.length > 0) lists.push(list);
    list = [];
  }
  /** Takes the text up to `end` (exclusive) into the word. */
  function take(end: number): void {
    word += text.slice(at, end);
    inWord = true;
    at = end;
  }

  while (at < text.length) {
    const char = text[at]!;
    if (char === "\\") {
      if (text[at + 1] !== "\n") {
        at++;
        take(Math.min(at + 1, text.length));
      } else at += 2;
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      at++;
      take(end < 0 ? text.length : end);
      at++;
    } else if (char === '"') {
      at++;
      while (at < text.length && text[at] !== '"') {
        if (text[at] === "\\" && /["\\$`]/.test(text[at + 1] ?? "")) at++;
        take(Math.min(endOfPlain(text, at), text.length));
      }
      inWord = true;
      at++;
    } else if (char === "$" && text[at + 1] === "(") take(endOfSubstitution(text, at + 2));
    else if (char === "`") {
      const end = text.indexOf("`", at + 1);
      take(end < 0 ? text.length : end + 1);
    } else if (char === "#" && !inWord) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end;
    } else if (
      (char === "&" && (text[at - 1] === ">" || text[at + 1] === ">")) ||
      (char === "|" && text[at - 1] === ">")
    )
      take(at + 1);
    else if (/[;&|()\n]/.test(char)) {
      endCommand();
      at++;
    } else if (/\s/.test(char)) {
      endWord();
      at++;
    } else take(at + 1);
  }
  endCommand();
  return lists;
}

/** Where the run of characters ends that starts at `at` and that mean nothing inside double quotes. */
function endOfPlain(text: string, at: number): number {
  if (text[at] === "$" && text[at + 1] === "(") return endOfSubstitution(text, at + 2);
  let end = at + 1;
  while (end < text.length && text[end] !== '"' && text[end] !== "\\" && text[end] !== "$") end++;
  return end;
}

/** Where the `)` ends that belongs to a `$(` before `at`. */
function endOfSubstitution(text: string, at: number): number {
  let depth = 1;
  let end = at;
  for (; end < text.length && depth > 0; end++) {
    if (text[end] === "(") depth++;
    else if (text[end] === ")") depth--;
  }
  return end;
}
