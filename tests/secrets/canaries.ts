import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";

/** Where a canary turned up. */
export interface Sighting {
  canary: string;
  place: string;
}

/** Random words that stand in for secrets, and the search for them: plain, and inside base64. */
export class Canaries {
  /** Name of what it was planted as → the word. */
  readonly words = new Map<string, string>();
  readonly sightings: Sighting[] = [];
  /** Name of each kind of place → how many were searched. */
  readonly searched = new Map<string, number>();
  bytes = 0;
  /** Folder of the pattern file and of planted files; never searched. */
  readonly folder = mkdtempSync(join(tmpdir(), "gbh-canaries-"));
  private readonly forms = new Map<string, string>();

  /**
   * A word for a secret.
   * @param word a piece of the secret that nothing else has; without it a new random word
   */
  plant(name: string, word = `canary${randomBytes(9).toString("hex")}`): string {
    this.words.set(name, word);
    for (const form of [word, ...insideBase64(word)]) this.forms.set(form, name);
    writeFileSync(join(this.folder, "patterns"), `${[...this.forms.keys()].join("\n")}\n`);
    return word;
  }

  /** A file with a secret in it, beside everything that is searched. */
  file(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  /** Looks into a text. */
  text(place: string, text: string): void {
    this.count(place, text.length);
    for (const [form, canary] of this.forms) if (text.includes(form)) this.note(canary, place);
  }

  /** Looks into every file below a folder, compressed ones as they are. */
  async tree(place: string, folder: string): Promise<void> {
    const script = 'find "$1" -type f -printf "%s\\n" | awk "{ bytes += \\$1 } END { print NR, bytes + 0 }"';
    const { stdout: found } = await execa("sh", ["-c", script, "sh", folder], { reject: false });
    const [files = 0, bytes = 0] = found.split(" ").map(Number);
    this.count(place, bytes, files);
    const patterns = join(this.folder, "patterns");
    const { stdout } = await execa("grep", ["-rlaF", "-f", patterns, folder], { reject: false });
    for (const file of stdout.split("\n").filter(Boolean)) {
      const content = readFileSync(file, "latin1");
      for (const [form, canary] of this.forms)
        if (content.includes(form)) this.note(canary, `${place}: ${file}`);
    }
  }

  /** Looks into what a command line writes, e.g. an image as a stream. */
  async stream(place: string, command: string, env: Record<string, string>): Promise<void> {
    const script = `{ ${command}; } | tee >(wc -c >&2) | grep -oaF -f '${join(this.folder, "patterns")}' | sort -u`;
    const { stdout, stderr } = await execa("bash", ["-c", script], { env, reject: false });
    this.count(place, Number.parseInt(stderr, 10) || 0);
    for (const form of stdout.split("\n").filter(Boolean)) this.note(this.forms.get(form) ?? form, place);
  }

  /**
   * Looks at every process of the machine again and again until the returned function is called.
   * @returns stops, and gives the names of programs that had a canary in their environment
   */
  watchProcesses(): () => Map<string, Set<string>> {
    const environments = new Map<string, Set<string>>();
    const seen = new Set<string>();
    const look = (): void => {
      for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
        const command = read(`/proc/${pid}/cmdline`);
        if (!command || Number(pid) === process.pid) continue;
        if (!seen.has(pid)) this.count("processes", command.length);
        seen.add(pid);
        const environment = read(`/proc/${pid}/environ`);
        for (const [form, canary] of this.forms) {
          if (command.includes(form))
            this.note(canary, `arguments of ${command.replaceAll("\0", " ").slice(0, 80)}`);
          if (!environment.includes(form)) continue;
          const program = basename(command.split("\0")[0] ?? "");
          environments.set(canary, (environments.get(canary) ?? new Set()).add(program));
        }
      }
    };
    const timer = setInterval(look, 100);
    timer.unref(); // a test that fails does not come to its end
    return () => {
      clearInterval(timer);
      return environments;
    };
  }

  /** What was searched, for people. */
  summary(): string {
    const places = [...this.searched].map(([place, count]) => `${place} ${count}`).join(", ");
    return `${this.words.size} canaries, searched in ${(this.bytes / 1e6).toFixed(0)} MB: ${places}; found`;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private note(canary: string, place: string): void {
    if (!this.sightings.some((other) => other.canary === canary && other.place === place))
      this.sightings.push({ canary, place });
  }

  private count(place: string, bytes: number, places = 1): void {
    this.searched.set(place, (this.searched.get(place) ?? 0) + places);
    this.bytes += bytes;
  }
}

/** How a word reads inside a text in base64, wherever it begins there. */
function insideBase64(word: string): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.from(`${"x".repeat(offset)}${word}xx`).toString("base64");
    // The first and last letters mix with what stands around the word.
    return text.slice(offset === 0 ? 0 : 4, -8);
  });
}

/** A file that may go at any moment. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** True where the path is there. */
export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
