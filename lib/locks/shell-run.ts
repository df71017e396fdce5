import { expandWord } from "../images/variable-expansion.ts";
import { testPrograms, testResult, type Status } from "./shell-tests.ts";
import { shellTokens, type ShellToken } from "./shell-words.ts";

/** A simple command that a shell text runs. */
export interface RunCommand {
  /** Words with their variables filled in; undefined for a word that only the build knows, as `$(nproc)`. */
  words: (string | undefined)[];
}

/** Value of a variable of the build: undefined where it has none; a shell's own variables are known here. */
export type Lookup = (name: string) => string | undefined;

/**
 * The simple commands that a shell text runs with these variables: of `case` and of `if` with a plain test only the
 * branch taken. A reader and no shell: a test that only the build can answer counts as passed, a loop runs once for each
 * word. Never throws.
 * @example commandsThatRun('case "$A" in none) ;; *) pip install x ;; esac', () => "none") // []
 */
export function commandsThatRun(text: string, lookup: Lookup): RunCommand[] {
  return new ShellReader(shellTokens(text), lookup, 0).read();
}

const wrappers = new Set(["command", "env", "exec", "nice", "sudo", "time"]);
const machine: Record<string, string> = {
  "$(uname -m)": "x86_64",
  "$(arch)": "x86_64",
  "$(dpkg --print-architecture)": "amd64",
};

class ShellReader {
  private at = 0;
  private readonly found: RunCommand[] = [];
  /** The shell's own variables; undefined: set to what only the build knows. */
  private readonly own = new Map<string, string | undefined>();
  /** Branches not taken are read with this above 0. */
  private skipping = 0;
  private readonly tokens: ShellToken[];
  private readonly lookup: Lookup;
  private readonly depth: number;

  constructor(tokens: ShellToken[], lookup: Lookup, depth: number) {
    this.tokens = tokens;
    this.lookup = lookup;
    this.depth = depth;
  }

  read(): RunCommand[] {
    while (this.at < this.tokens.length) {
      const before = this.at;
      this.list([]);
      if (this.at === before) this.at++; // a word that belongs nowhere, as a lone "fi"
    }
    return this.found;
  }

  /** Commands up to one of these words, which is left; result of the last. */
  private list(ends: string[]): Status {
    let status: Status = true;
    while (this.at < this.tokens.length) {
      const { text, isOperator } = this.tokens[this.at]!;
      if (ends.includes(text)) return status;
      if (isOperator && [";", "\n", "&"].includes(text)) this.at++;
      else if ((isOperator && text !== "(") || closers.has(text)) return status;
      else status = this.chain();
    }
    return status;
  }

  /** `a && b || c` */
  private chain(): Status {
    let status = this.pipeline();
    for (;;) {
      const operator = this.tokens[this.at];
      if (!operator?.isOperator || (operator.text !== "&&" && operator.text !== "||")) return status;
      this.at++;
      while (this.tokens[this.at]?.text === "\n") this.at++;
      const isSkipped = operator.text === "&&" ? status === false : status === true;
      const right = this.maybe(!isSkipped, () => this.pipeline());
      if (!isSkipped) status = right;
    }
  }

  private pipeline(): Status {
    const isNegated = this.takes("!");
    let status = this.command();
    while (this.tokens[this.at]?.isOperator && /^\|&?$/.test(this.tokens[this.at]!.text)) {
      this.at++;
      status = this.command();
    }
    return isNegated && status !== undefined ? !status : status;
  }

  private command(): Status {
    const token = this.tokens[this.at];
    if (!token) return true;
    if (token.isOperator) return token.text === "(" ? this.group(")") : undefined;
    if (token.text === "{") return this.group("}");
    if (token.text === "if") return this.branches();
    if (token.text === "case") return this.choice();
    if (token.text === "for") return this.loop();
    if (token.text === "while" || token.text === "until") {
      this.at++;
      this.list(["do"]);
      return this.body();
    }
    return this.simple();
  }

  private group(end: string): Status {
    this.at++;
    const status = this.list([end]);
    this.takes(end);
    return status;
  }

  private branches(): Status {
    let isTaken = false;
    let status: Status = true;
    do {
      this.at++; // if, elif
      const test = this.maybe(!isTaken, () => this.list(["then"]));
      this.takes("then");
      const isRun: boolean = !isTaken && test !== false;
      const result = this.maybe(isRun, () => this.list(["elif", "else", "fi"]));
      if (isRun) status = result;
      isTaken ||= isRun;
    } while (this.tokens[this.at]?.text === "elif");
    if (this.takes("else")) {
      const result = this.maybe(!isTaken, () => this.list(["fi"]));
      if (!isTaken) status = result;
    }
    this.takes("fi");
    return status;
  }

  private choice(): Status {
    this.at++;
    const value = this.value(this.tokens[this.at++]?.text ?? "", true);
    while (this.tokens[this.at]?.text === "\n") this.at++;
    this.takes("in");
    let isTaken = value === undefined; // what only the build knows takes no branch here
    let status: Status = true;
    while (this.at < this.tokens.length && !this.takes("esac")) {
      const before = this.at;
      while (["\n", "(", ";"].includes(this.tokens[this.at]?.text ?? "")) this.at++;
      if (this.takes("esac")) break;
      const patterns: string[] = [];
      while (this.at < this.tokens.length && this.tokens[this.at]!.text !== ")") {
        const { text, isOperator } = this.tokens[this.at++]!;
        if (!isOperator) patterns.push(text);
      }
      this.at++; // )
      const isRun = !isTaken && patterns.some((pattern) => this.matches(value ?? "", pattern));
      const result = this.maybe(isRun, () => this.list([";;", ";&", ";;&", "esac"]));
      if (isRun) status = result;
      isTaken ||= isRun;
      if (/^;[;&]+$/.test(this.tokens[this.at]?.text ?? "")) this.at++;
      if (this.at === before) this.at++;
    }
    return status;
  }

  private matches(value: string, pattern: string): boolean {
    const plain = this.value(pattern, true) ?? pattern;
    const expression = plain
      .replace(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    try {
      return new RegExp(`^${expression}$`, "s").test(value);
    } catch {
      return plain === value; // brackets that close nothing
    }
  }

  private loop(): Status {
    this.at++;
    const name = this.tokens[this.at++]?.text ?? "";
    const words: string[] = [];
    if (this.takes("in")) {
      while (this.at < this.tokens.length && !this.tokens[this.at]!.isOperator)
        words.push(this.tokens[this.at++]!.text);
    }
    while (["\n", ";"].includes(this.tokens[this.at]?.text ?? "")) this.at++;
    const start = this.at;
    const values = words.slice(0, 50).flatMap((word) => this.value(word) ?? []);
    let status: Status = true;
    for (const value of values.length > 0 ? values : [undefined]) {
      this.at = start;
      if (this.skipping === 0) this.own.set(name, value);
      status = this.body();
    }
    return status;
  }

  private body(): Status {
    this.takes("do");
    const status = this.list(["done"]);
    this.takes("done");
    return status;
  }

  private simple(): Status {
    const raw: string[] = [];
    while (this.at < this.tokens.length && !this.tokens[this.at]!.isOperator)
      raw.push(this.tokens[this.at++]!.text);
    if (this.tokens[this.at]?.text === "(" && this.tokens[this.at + 1]?.text === ")") {
      this.at += 2; // a function: its body runs where nobody looks
      return this.maybe(false, () => this.command());
    }
    if (raw.length === 0) {
      this.at++; // an operator that belongs nowhere
      return undefined;
    }
    if (this.skipping > 0) return undefined;
    const words = this.withoutPrefix(raw);
    if (words.length === 0) return true;
    const script = this.script(words);
    if (script !== undefined && this.depth < 3) {
      const inner = new ShellReader(shellTokens(script), (name) => this.valueOf(name), this.depth + 1);
      this.found.push(...inner.read());
      return undefined;
    }
    this.found.push({ words });
    return testResult(words);
  }

  /** Text after `sh -c` or `bash -lc`. */
  private script(words: (string | undefined)[]): string | undefined {
    if (!/^(?:\/(?:usr\/)?bin\/)?(?:ba|da|z)?sh$/.test(words[0] ?? "")) return undefined;
    const flag = words.findIndex((word) => /^-\w*c$/.test(word ?? ""));
    return flag < 0 ? undefined : words[flag + 1];
  }

  /** Takes assignments, `export` and the like off the front; assignments by themselves hold from here on. */
  private withoutPrefix(raw: string[]): (string | undefined)[] {
    let at = 0;
    let isWrapped = false;
    const set: [string, string | undefined][] = [];
    for (; at < raw.length; at++) {
      const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(raw[at]!);
      if (assignment) set.push([assignment[1]!, this.value(assignment[2]!)]);
      else if (wrappers.has(raw[at]!)) isWrapped = true;
      else if (!(isWrapped && raw[at]!.startsWith("-"))) break;
    }
    const rest = raw.slice(at);
    if (rest[0] === "export" || rest[0] === "local" || rest[0] === "readonly") {
      this.withoutPrefix(rest.slice(1));
      return [];
    }
    if (rest.length === 0) for (const [name, value] of set) this.own.set(name, value);
    if (testPrograms.includes(rest[0] ?? "")) return rest.map((word) => this.value(word, true));
    return rest.flatMap((word) => this.split(word));
  }

  /** A bare variable becomes several words, as in `pip install $PACKAGES`. */
  private split(word: string): (string | undefined)[] {
    const value = this.value(word);
    const isBare = /^\$(?:\w+|\{\w+\})$/.test(word);
    return isBare && value !== undefined ? value.split(/\s+/).filter(Boolean) : [value];
  }

  private value(word: string, unsetIsEmpty = false): string | undefined {
    const plain = word.replace(/\$\([^()]*\)/g, (text) => machine[text.replace(/\s+/g, " ")] ?? text);
    if (/\$\(|`/.test(plain.replace(/'[^']*'/g, ""))) return undefined;
    let isKnown = true;
    const { text, unset, problem, unknown } = expandWord(plain, (name) => {
      if (this.own.has(name) && this.own.get(name) === undefined) isKnown = false;
      return this.valueOf(name);
    });
    if (!isKnown || problem !== undefined || unknown !== undefined) return undefined;
    return unset.length > 0 && !unsetIsEmpty && !isParameter(unset) ? undefined : text;
  }

  private valueOf(name: string): string | undefined {
    return this.own.has(name) ? this.own.get(name) : this.lookup(name);
  }

  private maybe(isRun: boolean, read: () => Status): Status {
    if (!isRun) this.skipping++;
    const status = read();
    if (!isRun) this.skipping--;
    return status;
  }

  private takes(word: string): boolean {
    if (this.tokens[this.at]?.text !== word) return false;
    this.at++;
    return true;
  }
}

const closers = new Set(["then", "elif", "else", "fi", "do", "done", "esac", "}"]);

/** `"$@"` and the like: nothing is in them in a RUN, unless `set --` said so. */
function isParameter(names: string[]): boolean {
  return names.every((name) => /^[@*0-9#?!-]$/.test(name));
}
