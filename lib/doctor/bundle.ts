import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { release, totalmem } from "node:os";
import { join } from "node:path";
import { runBriefly } from "../host/run-briefly.ts";
import { readHistory } from "../images/history.ts";
import { knownSecrets, redactReport } from "./redact-report.ts";
import { isUnknown, type Check, type Facts } from "./types.ts";

/** Bytes at the end of a log that are worth reading. */
const logBytes = 20_000;

/**
 * What an issue report needs, as one text without secrets: versions, checks, settings, daemon.json, the engine's word about
 * itself, the ends of the logs, the last builds.
 * @param engineLog file with the engine's log; without one journald is asked
 */
export async function reportText(facts: Facts, checks: Check[], engineLog?: string): Promise<string> {
  const { settings, env } = facts;
  const [engine, daemon, cache] = await Promise.all([facts.engine(), facts.daemon(), facts.cache()]);
  const cacheName = isUnknown(cache) ? undefined : cache.name;
  const daemonFile = isUnknown(daemon) ? undefined : daemon.managed?.file;
  const commands = { env, timeoutMs: 8_000 };
  const sections: [string, string][] = [
    ["versions", await versions(facts)],
    ["checks", checks.map(checkLine).join("\n")],
    ["settings", JSON.stringify(settings, undefined, 2)],
    ["daemon.json", daemonFile ? `${daemonFile}\n${fileText(daemonFile)}` : "not ours to look at"],
    ["engine", JSON.stringify(engine, undefined, 2)],
    [
      "engine's log",
      engineLog
        ? endOf(engineLog)
        : await wordsOf("journalctl", ["-u", "docker", "-n", "100", "--no-pager"], commands),
    ],
    [
      "cache's log",
      cacheName ? await wordsOf("docker", ["logs", "--tail", "50", cacheName], commands) : "no cache",
    ],
    ["last builds", await lastBuilds(facts)],
  ];
  const text = sections.map(([title, body]) => `## ${title}\n\n${body.trim()}\n`).join("\n");
  return redactReport(
    `# gpu-build-host: report of ${new Date().toISOString()}\n\n${text}`,
    knownSecrets(settings, env),
  );
}

function checkLine({ id, status, line, fix }: Check): string {
  return `${status.padEnd(4)} ${id}  ${line}${fix ? `\n     fix: ${fix}` : ""}`;
}

async function versions({ settings, env }: Facts): Promise<string> {
  const options = { env, timeoutMs: 5_000 };
  const [docker, buildx, pulumi] = await Promise.all([
    wordsOf("docker", ["--version"], options),
    wordsOf("docker", ["buildx", "version"], options),
    wordsOf("pulumi", ["version"], options),
  ]);
  const own = JSON.parse(fileText(join(settings.root, "package.json")) || "{}") as { version?: string };
  return [
    `gpu-build-host ${own.version ?? "?"}, stack ${settings.stack}`,
    `Node ${process.versions.node}, Linux ${release()}, ${(totalmem() / 1e9).toFixed(0)} GB of memory`,
    /^PRETTY_NAME="?([^"\n]*)/m.exec(fileText("/etc/os-release"))?.[1] ?? "unknown distribution",
    docker,
    buildx,
    `pulumi ${pulumi}`,
  ].join("\n");
}

async function wordsOf(
  program: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<string> {
  const run = await runBriefly(program, args, options);
  if (run.state === "missing") return `${program} is not on PATH`;
  if (run.state === "silent") return `${program} gave no answer`;
  return `${run.stdout}${run.stderr}`.trim().slice(-logBytes);
}

async function lastBuilds({ settings }: Facts): Promise<string> {
  const events = await readHistory(settings.stateDir, settings.stack).catch(() => []);
  const lines = events
    .slice(-20)
    .map(
      ({ time, image, result, reasons, buildSeconds, error }) =>
        `${time} ${image}: ${result}, ${buildSeconds} s${reasons.length > 0 ? ` (${reasons.slice(0, 5).join(", ")})` : ""}${error ? `\n  ${error}` : ""}`,
    );
  return lines.join("\n") || "none";
}

function endOf(file: string): string {
  try {
    const handle = openSync(file, "r");
    try {
      const { size } = fstatSync(handle);
      const bytes = Buffer.alloc(Math.min(size, logBytes));
      readSync(handle, bytes, 0, bytes.length, Math.max(0, size - logBytes));
      return bytes.toString("utf8");
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    return `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}

function fileText(file: string): string {
  try {
    return readFileSync(file, "utf8").slice(0, 100_000);
  } catch {
    return "";
  }
}
