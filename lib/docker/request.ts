import { request } from "node:http";

/** What a Docker Engine answered instead of doing what it was asked. */
export class EngineError extends Error {
  override name = "EngineError";
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** The engine took a request and did not answer it in time. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

export interface EngineRequest {
  method?: "GET" | "HEAD" | "POST" | "DELETE";
  /** e.g. `"/images/json"`. */
  path: string;
  /** An object is sent as JSON text, as the engine wants its filters. */
  query?: Record<string, string | boolean | Record<string, string[]> | undefined>;
  /** Milliseconds for the whole answer. @default 60000 */
  timeoutMs?: number;
}

/**
 * Asks the engine behind a Unix socket; undefined where the answer is empty. One plain request: a client library takes
 * longer to load (0.2 s, measured with dockerode) than the questions of a run take together, twice in every run.
 *
 * @throws EngineError for an answer of 400 and above; NoAnswer after the time limit; Node's own error (`ENOENT`, `ECONNREFUSED`, …) without an engine.
 */
export function engineRequest<T>(socketPath: string, options: EngineRequest): Promise<T> {
  const { method = "GET", timeoutMs = 60_000 } = options;
  const path = options.path + queryText(options.query ?? {});
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { host: "docker", ...(method === "POST" && { "content-length": 0 }) };
    const asked = request({ socketPath, method, path, signal, agent: false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = answer.statusCode ?? 0;
        if (status >= 400)
          reject(new EngineError(status, `${method} ${options.path}: ${status} ${messageOf(text)}`));
        else resolve(parsed(text) as T);
      });
    });
    asked.on("error", (error) =>
      reject(signal.aborted ? new NoAnswer(`nothing in ${timeoutMs / 1000} s`) : error),
    );
    asked.end();
  });
}

/** The file of `unix:///var/run/docker.sock`. */
export function socketOf(dockerHost: string): string {
  return dockerHost.replace(/^unix:\/\//, "");
}

/** The answer, or undefined where the engine has no such thing. */
export async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.statusCode === 404) return undefined;
    throw error;
  }
}

function queryText(query: NonNullable<EngineRequest["query"]>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined)
      parameters.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return parameters.size > 0 ? `?${parameters.toString()}` : "";
}

function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return text; // some answers are plain text
  }
}

function messageOf(text: string): string {
  const answer = parsed(text);
  return typeof answer === "object" && answer !== null
    ? String((answer as { message?: unknown }).message ?? "")
    : text;
}
