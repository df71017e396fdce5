import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redactor } from "../secrets/redact.ts";
import { loginForms } from "../secrets/url-login.ts";
import { parseLock, type Lock } from "./lock-text.ts";
import { writeQuestion, type Resolution } from "./uv.ts";

/** What uv said in the time that it had. */
export type UvAnswer =
  | { state: "resolved"; lock: Lock }
  | { state: "refused"; words: string }
  | { state: "silent" }
  | { state: "missing" };

export interface AskOptions {
  /** Milliseconds until uv is stopped. */
  limitMs: number;
  /**
   * Build packages that have sources only, to know what they need: that runs their code and downloads what builds them.
   * @default false
   */
  buildSources?: boolean;
}

/**
 * Asks uv whether requirements resolve. Returns within the limit, whatever uv does: it runs in a process group of its own,
 * which is killed. Fetches metadata only, unless `buildSources`.
 */
export async function askUv(uv: string, resolution: Resolution, options: AskOptions): Promise<UvAnswer> {
  const folder = await mkdtemp(join(tmpdir(), "gpu-build-host-ask-"));
  try {
    const { args, out } = await writeQuestion(folder, resolution);
    const run = await runInGroup(uv, [...args, ...(options.buildSources ? [] : ["--no-build"])], {
      cwd: folder,
      limitMs: options.limitMs,
    });
    if (run === "silent" || run === "missing") return { state: run };
    if (run.exitCode === 0) return { state: "resolved", lock: parseLock(await readFile(out, "utf8")) };
    const redact = redactor(resolution.index ? loginForms(resolution.index.url) : []);
    return { state: "refused", words: redact(run.stderr) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runInGroup(
  program: string,
  args: string[],
  { cwd, limitMs }: { cwd: string; limitMs: number },
): Promise<{ exitCode: number; stderr: string } | "silent" | "missing"> {
  return new Promise((resolve) => {
    const env: NodeJS.ProcessEnv = { ...process.env, UV_HTTP_RETRIES: limitMs < 15_000 ? "0" : "3" };
    delete env["UV_CONSTRAINT"];
    delete env["UV_BUILD_CONSTRAINT"];
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL"); // its builds too
      } catch {
        // ended by itself
      }
    };
    const finish = (result: { exitCode: number; stderr: string } | "silent" | "missing") => {
      clearTimeout(timer);
      process.off("exit", kill);
      resolve(result);
    };
    const timer = setTimeout(() => {
      kill();
      child.stderr.destroy();
      child.unref();
      finish("silent");
    }, limitMs);
    process.once("exit", kill);
    child.once("error", () => finish("missing"));
    child.once("close", (code) => finish({ exitCode: code ?? -1, stderr }));
  });
}
