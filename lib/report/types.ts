/** What `npm run report` shows and `--json` prints. Times are ISO, sizes bytes, durations seconds. */
export interface Report {
  format: 1;
  stack: string;
  /** When it was made. */
  made: string;
  /** e.g. `"Docker Engine 28.5.1, overlay2"`; undefined where the engine did not answer. */
  engine?: string;
  /** What is missing from it, and why: one line each. */
  notes: string[];
  /** Oldest first; runs in which no image was built, reused or tagged are left out. */
  runs: Run[];
  /** Parents first. */
  images: ImageSummary[];
  /** Layers of the stack's images as they are now. Empty without an engine. */
  layers: LayerGroup[];
  disk?: Disk;
  prune?: Prune;
  patches: PatchAge[];
  advice: Advice[];
}

/** One run of `up`. */
export interface Run {
  /** What tells it from others. */
  id: string;
  began: string;
  /** From the first to the last, Pulumi's own time included where a wrapper measured it. */
  seconds: number;
  /** `unknown`: plain `pulumi up`, whose end nobody wrote down. */
  result: "done" | "failed" | "stopped" | "unknown";
  images: ImageRun[];
}

/** One image in one run. */
export interface ImageRun {
  image: string;
  result: "built" | "reused" | "tagged" | "failed";
  /** Why, e.g. `["file app/main.py"]`. */
  reasons: string[];
  buildSeconds: number;
  smokeSeconds: number;
  /** Steps of the Dockerfile that BuildKit took from its cache, and those that ran. */
  cachedSteps: number;
  ranSteps: number;
  /** What took longest, a step or BuildKit's own work. */
  slowest?: { what: string; seconds: number };
  /** Bytes of image layers that were pulled. */
  pulledBytes: number;
  error?: string;
  spans: Span[];
}

/** A piece of time on an image's line. */
export interface Span {
  what: string;
  kind: "step" | "cached" | "pull" | "export" | "context" | "smoke" | "build" | "failed";
  /** Seconds since the run began. */
  start: number;
  seconds: number;
  /** From 0: spans of one image that overlap lie on different lines. */
  lane: number;
}

/** One image of the stack over all its builds. */
export interface ImageSummary {
  name: string;
  tags: string[];
  reference: string;
  /** Images of the stack that it builds on. */
  parents: string[];
  /** External images that it builds on. */
  externals: string[];
  builds: number;
  /** Steps from the cache over all steps of its builds, 0–1; undefined where it was not built since the history began. */
  hitRate?: number;
  /** Median over its builds. */
  medianSeconds?: number;
  /** Of the last run that touched it. */
  last?: { time: string; result: ImageRun["result"]; reasons: string[] };
  /** Sizes on the disk; undefined where it is not on the engine. */
  size?: number;
  /** What no other image has. */
  unique?: number;
  /** What it has and none of its parents. */
  adds?: number;
}

/** Layers that the same images have, one above the other. */
export interface LayerGroup {
  /** Images of the stack that have them. */
  images: string[];
  /** Further images on the engine that have them: earlier versions, other stacks, anybody's. */
  others: number;
  bytes: number;
  layers: { made: string; bytes: number }[];
  children: LayerGroup[];
}

export interface Disk {
  parts: DiskPart[];
  /** Room on the engine's disk; undefined where it cannot be looked at. */
  free?: number;
  total?: number;
  cache?: CacheUse;
}

/** Images and build cache are those of the whole engine, volumes those of this stack. */
export interface DiskPart {
  kind:
    | "images"
    | "earlier-versions"
    | "build-cache"
    | "registry-cache"
    | "package-cache"
    | "build-cache-registry"
    | "other-volumes";
  /** The same in words. */
  what: string;
  bytes: number;
  limit?: number;
  /** Settings that give the limit. */
  limitedBy?: string;
  /** Volumes that it is the sum of, as far as they are there. */
  volumes?: DiskVolume[];
}

export interface DiskVolume {
  name: string;
  /** What it is for, where there may be several, e.g. `"nvcr.io"`. */
  of?: string;
  bytes: number;
}

/** What clients have asked the stack's registry caches for, by their access logs. */
export interface CacheUse {
  requests: number;
  /** Those of them that were answered from the disk. */
  hits: number;
  /** What came from outside. */
  pulledBytes: number;
  /** Since when requests are counted. */
  since: string;
}

export interface Prune {
  items: { kind: string; name: string; bytes: number; why: string }[];
  bytes: number;
  notes: string[];
  command: string;
}

/** How old the distribution's packages of an image are. */
export interface PatchAge {
  image: string;
  /** When its step with apt ran last. */
  since: string;
  days: number;
  /** Where that is known from: a build, or the date in cuda-base/os-patches. */
  from: "build" | "date";
}

/** Something that would save time or room, with what it was measured by. */
export interface Advice {
  /** e.g. `"COPY . before pip install in services/x/Dockerfile:7 cost 41 s in each of the last 5 code changes"` */
  line: string;
  /** What to do. */
  fix: string;
  /** Seconds of one build, or bytes, that it is about: the most comes first. */
  seconds?: number;
  bytes?: number;
}
