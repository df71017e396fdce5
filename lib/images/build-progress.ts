/** One step of a build, e.g. `[builder 2/3] RUN make`. */
export interface BuildStep {
  name: string;
  cached: boolean;
  seconds: number;
  /** ISO time of its beginning, by the engine's clock. */
  began?: string;
  error?: string;
}

interface Vertex {
  digest: string;
  name?: string;
  started?: string;
  completed?: string;
  cached?: boolean;
  error?: string;
}

interface StatusMessage {
  vertexes?: Vertex[];
  statuses?: { id: string; vertex: string; name?: string; current?: number; total?: number }[];
  logs?: { vertex: string; data?: string }[];
}

const keptLogLines = 40;
/** Steps about a cache outside of the engine, which fail no build. */
const ofCache = /^(?:importing cache manifest|exporting cache to) /;

/** Seconds below which BuildKit's housekeeping is not worth a line in a history. */
const worthKeeping = 0.1;

/** Follows a build by what `docker buildx build --progress rawjson` writes. */
export class BuildProgress {
  private readonly vertices = new Map<string, Vertex>();
  private readonly logs = new Map<string, string[]>();
  private readonly fetched = new Map<string, number>();
  private readonly shown = new Set<string>();
  private readonly reader = new JsonStream();
  private readonly onStep: (step: string) => void;

  /** @param onStep called when a step begins, with its name */
  constructor(onStep: (step: string) => void) {
    this.onStep = onStep;
  }

  /** Takes the next piece of output. */
  write(chunk: string): void {
    for (const message of this.reader.read(chunk)) this.take(message as StatusMessage);
  }

  /** What stood outside the JSON: warnings and the final error. */
  get text(): string {
    return this.reader.outside.trim();
  }

  /** Steps of the Dockerfile, in order of appearance; FROM and BuildKit's own housekeeping left out. */
  steps(): BuildStep[] {
    return [...this.vertices.values()].filter(isStep).map(stepOf);
  }

  /** What BuildKit did beside the steps and that took time: fetching a FROM, reading the context, exporting the image. */
  housekeeping(): BuildStep[] {
    return [...this.vertices.values()]
      .filter((vertex) => !isStep(vertex) && vertex.name)
      .map(stepOf)
      .filter(({ seconds }) => seconds >= worthKeeping);
  }

  /** Bytes of image layers that were fetched. */
  get fetchedBytes(): number {
    return [...this.fetched.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Steps that have begun and not ended. */
  running(): string[] {
    return [...this.vertices.values()]
      .filter(({ started, completed }) => started && !completed)
      .map(({ name }) => name ?? "");
  }

  /** The step that failed, and its last lines of output. */
  failure(): { step: string; lines: string[] } | undefined {
    // A cancelled neighbour fails too; the cause has an error of its own.
    const failed = [...this.vertices.values()].filter(({ error, name = "" }) => error && !ofCache.test(name));
    const cause = failed.find(({ error }) => !/cancell?ed/.test(error!)) ?? failed[0];
    return cause && { step: cause.name ?? "", lines: this.logs.get(cause.digest) ?? [] };
  }

  /** Why steps could not be read from or written to a build cache; that there is none yet is no problem. */
  cacheProblem(): string | undefined {
    return [...this.vertices.values()].find(
      ({ error, name = "" }) => error && ofCache.test(name) && !/not found$/.test(error),
    )?.error;
  }

  private take(message: StatusMessage): void {
    for (const vertex of message.vertexes ?? []) {
      const known = { ...this.vertices.get(vertex.digest), ...vertex };
      this.vertices.set(vertex.digest, known);
      const begins = known.started && !known.completed && !this.shown.has(known.digest);
      if (begins && isShown(known)) {
        this.shown.add(known.digest);
        this.onStep(known.name!);
      }
    }
    for (const status of message.statuses ?? [])
      if (status.id.startsWith("sha256:") && status.name !== "extracting" && status.total)
        this.fetched.set(status.id, status.current ?? 0);
    for (const log of message.logs ?? []) {
      const lines = this.logs.get(log.vertex) ?? [];
      lines.push(
        ...Buffer.from(log.data ?? "", "base64")
          .toString("utf8")
          .split(/\r?\n|\r/)
          .filter(Boolean),
      );
      this.logs.set(log.vertex, lines.slice(-keptLogLines));
    }
  }
}

/** Whether a person wants to see it while it runs. */
function isShown({ name = "" }: Vertex): boolean {
  return (
    name === "exporting to image" ||
    (/^\[(?!internal\]|auth\])/.test(name) && !name.includes("] load metadata for "))
  );
}

function isStep({ name = "" }: Vertex): boolean {
  return /^\[[^\]]*\d+\/\d+\] (?!FROM )/.test(name);
}

function stepOf(vertex: Vertex): BuildStep {
  return {
    name: vertex.name!,
    cached: vertex.cached ?? false,
    seconds: secondsOf(vertex),
    ...(vertex.started && { began: vertex.started }),
    ...(vertex.error && { error: vertex.error }),
  };
}

function secondsOf({ started, completed }: Vertex): number {
  if (!started || !completed) return 0;
  return Math.max(0, Math.round((Date.parse(completed) - Date.parse(started)) / 10) / 100);
}

/** Reads JSON objects one after the other, pretty-printed or not, with other text in between. */
class JsonStream {
  /** Text between the objects. */
  outside = "";
  private pending = "";
  private depth = 0;
  private inString = false;
  private lineStart = true;
  private escaped = false;

  *read(chunk: string): Generator<unknown> {
    for (const char of chunk) {
      if (this.depth === 0) {
        // An object begins at the start of a line: other text may have braces of its own.
        if (char !== "{" || !this.lineStart) {
          if (char !== "\n" || !this.lineStart) this.outside += char;
          this.lineStart = char === "\n";
          continue;
        }
        this.pending = "";
      }
      this.pending += char;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (char === "\\") this.escaped = true;
        else if (char === '"') this.inString = false;
      } else if (char === '"') this.inString = true;
      else if (char === "{") this.depth++;
      else if (char === "}" && --this.depth === 0) {
        const parsed = parseOrUndefined(this.pending);
        if (parsed === undefined) this.outside += this.pending;
        else yield parsed;
      }
    }
  }
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
