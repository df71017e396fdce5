import { bytesByRemoval } from "../docker/layers.ts";
import type { Finding } from "../doctor/dockerfile-rules/finding.ts";
import type { DiskRoom } from "../host/disk.ts";
import type { History } from "../images/history-types.ts";
import { stackRepository } from "../images/image-reference.ts";
import type { EngineContent } from "../prune/content.ts";
import type { PrunePlan } from "../prune/plan.ts";
import { npmCommand } from "../settings/commands.ts";
import { adviceFor } from "./advice.ts";
import { cacheParts, type CacheVolumes } from "./cache-volumes.ts";
import type { DockerfileSteps } from "./dockerfile-steps.ts";
import { summariesOf, type DeclaredImage, type OnEngine } from "./images.ts";
import { layerTree } from "./layer-tree.ts";
import { patchAges } from "./patches.ts";
import { runsOf } from "./runs.ts";
import type { CacheUse, Disk, ImageSummary, Report } from "./types.ts";

/** Runs that a report shows at most: a page stays small, and older ones stay in the history. */
const shownRuns = 60;

/** What an engine says, read at one time. */
export interface EngineState {
  /** e.g. `"Docker Engine 28.5.1, overlay2"` */
  name: string;
  content: EngineContent;
  prune: PrunePlan;
  /** Bytes that former versions of the stack's images may take. */
  keepStorage: number;
  /** Bytes that the engine keeps of its build cache, where the settings say so. */
  cacheLimit?: number;
  /** Caches that the stack runs. */
  caches: CacheVolumes[];
  room?: DiskRoom;
  cacheUse?: CacheUse;
}

/** What a report is made of. */
export interface ReportFacts {
  stack: string;
  /** Milliseconds since 1970. */
  now: number;
  declared: DeclaredImage[];
  history: History;
  /** What could not be read. */
  notes: string[];
  findings: Finding[];
  dockerfiles: DockerfileSteps[];
  /** The date in cuda-base/os-patches. */
  baseDate?: string;
  engine?: EngineState;
}

/** The report. Pure: the same facts give the same report. */
export function makeReport(facts: ReportFacts): Report {
  const { stack, now, declared, history, notes, findings, dockerfiles, engine } = facts;
  const { events } = history;
  const onEngine = engine && onEngineOf(engine);
  const images = summariesOf(declared, events, onEngine);
  const current = onEngine && currentNames(images, onEngine);
  const patches = patchAges(events, dockerfiles, now, facts.baseDate);
  const disk = engine && diskOf(stack, engine, new Set(current!.keys()));
  const prune = engine && {
    items: engine.prune.items,
    bytes: engine.prune.bytes,
    notes: engine.prune.notes,
    command: npmCommand("npm run prune", stack),
  };
  const measured = { ...(disk && { disk }), ...(prune && { prune }) };
  return {
    format: 1,
    stack,
    made: new Date(now).toISOString(),
    ...(engine && { engine: engine.name }),
    notes,
    runs: runsOf(history).slice(-shownRuns),
    images,
    layers: engine ? layerTree(engine.content.layers, current!) : [],
    ...measured,
    patches,
    advice: adviceFor({ stack, events, findings, dockerfiles, patches, ...measured }),
  };
}

function onEngineOf({ content }: EngineState): OnEngine {
  const ids = new Map(content.images.flatMap(({ id, tags }) => tags.map((tag) => [tag, id] as const)));
  return { layers: content.layers, ids };
}

/** Image IDs of the stack's images as they are now, with their names: two may be the same image. */
function currentNames(images: ImageSummary[], { ids }: OnEngine): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { name, reference } of images) {
    const id = ids.get(reference);
    if (id !== undefined) names.set(id, [...(names.get(id) ?? []), name]);
  }
  return names;
}

function diskOf(
  stack: string,
  { content, keepStorage, cacheLimit, caches, room, cacheUse }: EngineState,
  current: ReadonlySet<string>,
): Disk {
  const { disk, images, layers } = content;
  const repository = `${stackRepository(stack)}/`;
  const formers = images
    .filter(({ id, tags }) => !current.has(id) && tags.some((tag) => tag.startsWith(repository)))
    .map(({ id }) => id);
  const former = [...bytesByRemoval(layers, formers).values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    parts: [
      { kind: "images", what: "images", bytes: Math.max(0, disk.images - former) },
      {
        ...{ kind: "earlier-versions", what: "earlier versions", bytes: former },
        ...{ limit: keepStorage, limitedBy: "keepStorage" },
      },
      {
        kind: "build-cache",
        what: "build cache",
        bytes: disk.cache,
        ...(cacheLimit !== undefined && { limit: cacheLimit, limitedBy: "dockerDaemon.builderGc.keepGB" }),
      },
      ...cacheParts(caches, stack, content),
    ],
    ...(room && { free: room.free, total: room.total }),
    ...(cacheUse && { cache: cacheUse }),
  };
}
