import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { serviceDockerfileFindings } from "../doctor/dockerfiles.ts";
import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import { diskRoom } from "../host/disk.ts";
import { imageDefinitions } from "../images/definitions.ts";
import { historyPath, readWholeHistory } from "../images/history.ts";
import { withVariant } from "../images/image-reference.ts";
import { readTagLedger } from "../images/tag-ledger.ts";
import { readContent } from "../prune/content.ts";
import { planPrune, type PruneOptions } from "../prune/plan.ts";
import type { Settings } from "../settings/settings.ts";
import { readCacheUse } from "./cache-use.ts";
import { cacheVolumes } from "./cache-volumes.ts";
import { stepsOfStack } from "./dockerfile-steps.ts";
import type { EngineState, ReportFacts } from "./make-report.ts";

export interface ReportQuestion {
  settings: Settings;
  engine: Engine;
  /** What `npm run prune` would be asked. */
  prune: PruneOptions;
}

/**
 * Reads what a report is made of; nothing is changed. Where the engine does not answer, the history alone is told.
 *
 * @throws UserError where the stack was never built: there is nothing to report.
 */
export async function readReportFacts(question: ReportQuestion): Promise<ReportFacts> {
  const { settings } = question;
  const { stack, stateDir } = settings;
  const path = historyPath(stateDir, stack);
  const history = await readWholeHistory(stateDir, stack).catch((error: NodeJS.ErrnoException) => {
    const fix = error.code === "EACCES" ? "run this as the user who builds the stack" : "look at that file";
    throw new UserError(
      `The history of builds ${path} cannot be read (${error.code ?? error.message}); ${fix}`,
    );
  });
  const notes: string[] = [];
  if (history.unreadable.length > 0) notes.push(unreadableNote(path, history.unreadable));
  if (history.events.length === 0) {
    const build = stack === "sandbox" ? "npm start" : `pulumi up -s ${stack}`;
    throw new UserError(
      [
        ...notes,
        `The stack "${stack}" was never built here, so there is nothing to report. Build it: ${build}`,
      ].join("\n"),
    );
  }
  const [engine, findings, dockerfiles, baseDate] = await Promise.all([
    readEngine(question, notes),
    serviceDockerfileFindings(settings),
    stepsOfStack(settings),
    dateOfPatches(settings.root),
  ]);
  return {
    stack,
    now: Date.now(),
    declared: imageDefinitions(settings).map(({ name, tags }) => ({
      name,
      tags: tags.map((tag) => withVariant(tag, settings.variant)),
    })),
    history,
    notes,
    findings,
    dockerfiles,
    ...(baseDate !== undefined && { baseDate }),
    ...(engine && { engine }),
  };
}

async function readEngine(
  { settings, engine, prune }: ReportQuestion,
  notes: string[],
): Promise<EngineState | undefined> {
  const caches = cacheVolumes(settings);
  const { mode, volume } = settings.registryCache;
  const adopted = mode === "own" && volume !== undefined ? [volume] : [];
  try {
    const [content, { id }, version, info, cacheUse] = await Promise.all([
      readContent(engine, adopted),
      engine.info(),
      engine.ask<{ Version: string }>({ path: "/version" }),
      engine.ask<{ DockerRootDir?: string; Driver?: string }>({ path: "/info" }),
      readCacheUse(settings, engine),
    ]);
    const measured = [...content.volumes, ...content.adopted].map(({ name }) => name);
    for (const name of adopted)
      if (!measured.includes(name))
        notes.push(
          `The registry cache's size is missing: the engine measures no volume ${name} (registryCache.volume)`,
        );
    const room = await diskRoom(info.DockerRootDir ?? "");
    const { builderGc } = settings.dockerDaemon;
    return {
      name: `Docker Engine ${version.Version}, ${info.Driver ?? "unknown store"}`,
      content,
      prune: planPrune(content, await readTagLedger(settings.stateDir, id), prune),
      keepStorage: prune.settings.get(settings.stack)?.storage ?? 0,
      ...(builderGc && { cacheLimit: builderGc.keepGB * 1024 ** 3 }),
      caches,
      ...(room && { room }),
      ...(cacheUse && { cacheUse }),
    };
  } catch (error) {
    const why = (error as Error).message.split("\n")[0];
    notes.push(`Sizes, layers and what could be pruned are missing: ${why}`);
    return undefined;
  }
}

function unreadableNote(path: string, lines: number[]): string {
  const few = lines.slice(0, 5).join(", ");
  const shown = lines.length > 5 ? `${few} and ${lines.length - 5} more` : few;
  const [noun, are] = lines.length === 1 ? ["line", "is"] : ["lines", "are"];
  return `${path}: ${noun} ${shown} cannot be read (cut off, or of another version) and ${are} left out; the file stays as it is`;
}

/** The date in cuda-base/os-patches, e.g. `"2026-11-24"`. */
async function dateOfPatches(root: string): Promise<string | undefined> {
  const text = await readFile(join(root, "cuda-base", "os-patches"), "utf8").catch(() => "");
  return /^\d{4}-\d{2}-\d{2}/m.exec(text)?.[0];
}
