/** A way to come by the same images. */
export interface Way {
  id: string;
  /** Column of the tables. */
  title: string;
  what: string;
  /** Program that builds. */
  tool: "compose" | "bake" | "stack";
  /** Whose Dockerfiles: each service its own torch, the guide's, or this project's. */
  files: "before" | "guide" | "ours";
  /** What installs Python packages: without this apart, uv's gain would look like another's. */
  installer: "pip" | "uv";
  /** With the setting `packageCache`: its containers are a part of the first build. */
  hasPackageCache?: boolean;
  /** Played on slower lines, too, where the line decides more than the installer. */
  onSlowLines: boolean;
}

/** Every way is there with pip and with uv, so that two columns differ in one thing only. */
export const ways = [
  {
    id: "before-pip",
    title: "before, pip",
    what: 'the guide\'s "before": each service has its own torch on the plain CUDA image; docker compose build',
    tool: "compose",
    files: "before",
    installer: "pip",
    onSlowLines: true,
  },
  {
    id: "before-uv",
    title: "before, uv",
    what: "the same with uv in pip's place",
    tool: "compose",
    files: "before",
    installer: "uv",
    onSlowLines: true,
  },
  {
    id: "guide-pip",
    title: "guide, pip",
    what: "the guide's own way: its scripts, its registry cache, its bases; docker compose build",
    tool: "compose",
    files: "guide",
    installer: "pip",
    onSlowLines: true,
  },
  {
    id: "guide-uv",
    title: "guide, uv",
    what: "the same with uv in pip's place",
    tool: "compose",
    files: "guide",
    installer: "uv",
    onSlowLines: false,
  },
  {
    id: "bake-pip",
    title: "bake, pip",
    what: "docker buildx bake over the guide's Dockerfiles, without a registry cache",
    tool: "bake",
    files: "guide",
    installer: "pip",
    onSlowLines: false,
  },
  {
    id: "bake-uv",
    title: "bake, uv",
    what: "docker buildx bake over this project's Dockerfiles, without a registry cache",
    tool: "bake",
    files: "ours",
    installer: "uv",
    onSlowLines: true,
  },
  {
    id: "stack-pip",
    title: "this stack, pip",
    what: "npm start over the guide's Dockerfiles",
    tool: "stack",
    files: "guide",
    installer: "pip",
    onSlowLines: false,
  },
  {
    id: "stack-uv",
    title: "this stack, uv",
    what: "npm start over this project's Dockerfiles",
    tool: "stack",
    files: "ours",
    installer: "uv",
    onSlowLines: true,
  },
  {
    id: "stack-packages",
    title: "this stack, uv, package cache",
    what: "the same with `packageCache: own`, whose containers the first build sets up as well",
    tool: "stack",
    files: "ours",
    installer: "uv",
    hasPackageCache: true,
    onSlowLines: true,
  },
] as const satisfies readonly Way[];

export type WayId = (typeof ways)[number]["id"];
