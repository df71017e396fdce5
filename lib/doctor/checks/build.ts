import { readdir, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parseDaemonJson } from "../../daemon/daemon-json.ts";
import { loadIgnoreRules, type IgnoreRules } from "../../images/context-ignore.ts";
import { imageDefinitions } from "../../images/definitions.ts";
import { npmCommand, setCommand } from "../../settings/commands.ts";
import type { Settings } from "../../settings/settings.ts";
import { isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

/** A context above it takes seconds to send, in every build that changes a file of it. */
const bigContext = 200e6;
/** torch with its CUDA libraries as downloads, and some room for the next version. */
const wantedCache = 10e9;

export const buildChecks: CheckDefinition[] = [
  {
    id: "build.slow.gc",
    what: "Slow builds: room that daemon.json gives to the build cache (`builder.gc`).",
    warns:
      "it is off, or below 10 GB, or not set: by default downloads in cache mounts go after two days, torch's with them",
    run: async (facts) => {
      const daemon = await facts.daemon();
      if (isUnknown(daemon) || !daemon.managed) return skip("daemon.json is not ours to look at");
      return judgeGc(daemon.text ?? null, facts.settings);
    },
  },
  {
    id: "build.slow.context",
    what: "Slow builds: what each service's folder sends to the build, after `.dockerignore`.",
    warns: "more than 200 MB",
    limit: 20,
    run: judgeContexts,
  },
];

/** No advice is due in a sandbox: its downloads are those of a trial. */
export function judgeGc(
  text: string | null,
  { stack, sandbox }: Pick<Settings, "stack" | "sandbox">,
): Outcome {
  const parsed = parseDaemonJson(text);
  if (!parsed.ok) return skip("daemon.json cannot be read: see docker.config.parse");
  const gc = (text?.trim() ? (JSON.parse(text) as DaemonJson) : {}).builder?.gc;
  const fix = `${setCommand(stack, "dockerDaemon.builderGc.keepGB", "50")} and ${setCommand(stack, "dockerDaemon.builderGc.cacheMountsKeepDays", "14")}, then ${npmCommand("npm start", stack)} (Docker restarts)`;
  if (!gc && sandbox) return skip("the engine's default; nothing is kept for weeks in a sandbox");
  if (!gc)
    return warn("not set: downloads in cache mounts (torch: 3 GB) go two days after their last use", fix);
  if (gc.enabled === false) return ok("off: the build cache is never emptied by itself");
  const rooms = (gc.policy ?? []).map(({ keepStorage, reservedSpace, maxUsedSpace }) =>
    bytesOf(maxUsedSpace ?? keepStorage ?? reservedSpace),
  );
  const room = Math.max(0, ...rooms, bytesOf(gc.defaultKeepStorage ?? gc.defaultReservedSpace));
  return room < wantedCache
    ? warn(`the build cache may keep ${(room / 1e9).toFixed(1)} GB, one torch build fills more`, fix)
    : ok(`the build cache may keep ${(room / 1e9).toFixed(0)} GB`);
}

interface DaemonJson {
  builder?: {
    gc?: {
      enabled?: boolean;
      defaultKeepStorage?: string | number;
      defaultReservedSpace?: string | number;
      policy?: {
        keepStorage?: string | number;
        reservedSpace?: string | number;
        maxUsedSpace?: string | number;
      }[];
    };
  };
}

/** `"20GB"`, `"512MiB"` or a number of bytes; a share of the disk such as `"50%"` counts as enough. */
function bytesOf(size: string | number | undefined): number {
  if (size === undefined) return 0;
  if (typeof size === "number") return size;
  if (size.endsWith("%")) return wantedCache;
  const match = /^([\d.]+)\s*([kmgt]?)i?b?$/i.exec(size.trim());
  const unit = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }[(match?.[2] ?? "").toLowerCase()] ?? 1;
  return match ? Number(match[1]) * unit : 0;
}

async function judgeContexts(facts: Facts, signal: AbortSignal): Promise<Outcome> {
  const services = imageDefinitions(facts.settings).filter(({ name }) => name in facts.settings.services);
  const big: string[] = [];
  for (const { name, context, dockerfile } of services) {
    const file = isAbsolute(dockerfile) ? dockerfile : join(context, dockerfile);
    const bytes = await contextSize(context, await loadIgnoreRules(context, file), signal);
    if (bytes > bigContext) big.push(`${name} sends ${(bytes / 1e6).toFixed(0)} MB (${context})`);
  }
  if (big.length > 0)
    return warn(
      `${big.join(", ")}`,
      "list what the build does not need in .dockerignore: .git, models, outputs, .venv",
    );
  return services.length > 0 ? ok("every context is below 200 MB") : skip("the stack has no service");
}

/** Bytes that a context sends; stops counting when that is clearly too much. */
async function contextSize(
  folder: string,
  rules: IgnoreRules,
  signal: AbortSignal,
  below = "",
): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(join(folder, below), { withFileTypes: true }).catch(() => [])) {
    signal.throwIfAborted();
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (rules.ignores(path) && !(entry.isDirectory() && rules.hasExceptions)) continue;
    if (entry.isDirectory()) bytes += await contextSize(folder, rules, signal, path);
    else if (entry.isFile()) bytes += (await stat(join(folder, path)).catch(() => undefined))?.size ?? 0;
    if (bytes > 20 * bigContext) break;
  }
  return bytes;
}
