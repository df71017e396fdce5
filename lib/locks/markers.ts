import { satisfies, valid } from "@renovatebot/pep440";

const versions = new Set(["python_version", "python_full_version", "implementation_version"]);
const token = /\s*(\(|\)|and\b|or\b|not\s+in\b|in\b|===|==|~=|!=|<=|>=|<|>|'[^']*'|"[^"]*"|[a-z_.]+)/y;

/**
 * Whether a requirement with this environment marker counts in our images: Linux on x86_64 with CPython.
 * @param python e.g. `"3.10"`
 * @returns undefined where it is no marker
 * @example markerApplies("sys_platform == 'win32' or python_version < '3.11'", "3.10") // true
 */
export function markerApplies(marker: string, python: string): boolean | undefined {
  const tokens = cut(marker);
  if (tokens === undefined) return undefined;
  const reader = new MarkerReader(tokens, environment(python));
  try {
    return reader.read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function environment(python: string): Record<string, string> {
  return {
    python_version: python,
    python_full_version: `${python}.15`, // no base says which patch release; markers that ask are rare
    os_name: "posix",
    sys_platform: "linux",
    platform_machine: "x86_64",
    platform_system: "Linux",
    platform_release: "",
    platform_version: "",
    platform_python_implementation: "CPython",
    implementation_name: "cpython",
    implementation_version: `${python}.15`,
    extra: "",
  };
}

function cut(marker: string): string[] | undefined {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const text = marker.trimEnd();
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    tokens.push(match[1]!.replace(/\s+/g, " "));
  }
  return tokens;
}

/** `or` binds less than `and`, which binds less than one comparison. */
class MarkerReader {
  private at = 0;
  private readonly tokens: string[];
  private readonly values: Record<string, string>;

  constructor(tokens: string[], values: Record<string, string>) {
    this.tokens = tokens;
    this.values = values;
  }

  read(): boolean {
    const result = this.either();
    if (this.at < this.tokens.length) throw new SyntaxError("more than a marker");
    return result;
  }

  private either(): boolean {
    let result = this.both();
    while (this.takes("or")) result = this.both() || result;
    return result;
  }

  private both(): boolean {
    let result = this.one();
    while (this.takes("and")) result = this.one() && result;
    return result;
  }

  private one(): boolean {
    if (this.takes("(")) {
      const result = this.either();
      if (!this.takes(")")) throw new SyntaxError("a bracket is not closed");
      return result;
    }
    const left = this.next();
    const operator = this.next();
    const right = this.next();
    if (!/^(?:[=~!<>]+|in|not in)$/.test(operator)) throw new SyntaxError("no comparison");
    return this.compare(left, operator, right);
  }

  private compare(left: string, operator: string, right: string): boolean {
    const [a, b] = [this.valueOf(left), this.valueOf(right)];
    if (operator === "in") return b.includes(a);
    if (operator === "not in") return !b.includes(a);
    const swapped = versions.has(right);
    const [version, wanted] = swapped ? [b, a] : [a, b];
    if ((swapped || versions.has(left)) && valid(wanted.replace(/\.\*$/, "")))
      return satisfies(version, `${swapped ? mirrored(operator) : operator}${wanted}`);
    return { "==": a === b, "===": a === b, "!=": a !== b }[operator] ?? compareTexts(a, operator, b);
  }

  private valueOf(word: string): string {
    if (/^['"]/.test(word)) return word.slice(1, -1);
    const value = this.values[word.replaceAll(".", "_")];
    if (value === undefined) throw new SyntaxError(`${word} is no variable of markers`);
    return value;
  }

  private takes(word: string): boolean {
    if (this.tokens[this.at] !== word) return false;
    this.at++;
    return true;
  }

  private next(): string {
    const word = this.tokens[this.at++];
    if (word === undefined) throw new SyntaxError("the marker ends too early");
    return word;
  }
}

function compareTexts(a: string, operator: string, b: string): boolean {
  return { "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[operator] ?? false;
}

function mirrored(operator: string): string {
  return { "<": ">", ">": "<", "<=": ">=", ">=": "<=" }[operator] ?? operator;
}
