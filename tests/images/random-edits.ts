import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { isRecipe, pick, recipes, regularFiles, replaceIn, short, type World } from "./edit-world.ts";

type Edit = (world: World) => string | undefined;

/** Makes one random edit; returns what it was. */
export function randomEdit(world: World): string {
  for (;;) {
    const what = pick(world, edits)(world);
    if (what !== undefined) return what;
  }
}

// A folder's mode is left out: BuildKit sees a change of it only when it takes the folder in afresh (after a prune or
// a move), so whether a step runs then does not depend on the edit.
const edits: Edit[] = [
  changeBytes,
  changeBytes,
  changeBytes,
  changeMode,
  changeMode,
  touch,
  sameBytes,
  addFile,
  addFile,
  deleteAdded,
  renameFile,
  retargetLink,
  comment,
  unneededStage,
  ignoreMore,
  ignoreComment,
  changeEnv,
  changeLabel,
  changeRun,
  changeArgument,
  unknownArgument,
  moveClone,
  otherDigest,
  goBack,
  heredoc,
];

/** Files whose names Dockerfiles spell out: these stay where they are. */
const globbed = [
  "glob",
  "glob/sub",
  "whole",
  "whole/pkg",
  "mounts/src",
  "stages/src",
  "assets/icons",
  "links/tree",
  "links/real/deep",
];
let added = 0;

function changeBytes(world: World): string {
  const path = pick(
    world,
    regularFiles(world.folder).filter((file) => !isRecipe(file)),
  );
  appendFileSync(path, `${Math.floor(world.random() * 1e9)}\n`);
  return `bytes of ${short(world, path)}`;
}

function changeMode(world: World): string {
  const path = pick(
    world,
    regularFiles(world.folder).filter((file) => !isRecipe(file)),
  );
  const mode = pick(
    world,
    [0o644, 0o755, 0o640, 0o600].filter((other) => other !== (statSync(path).mode & 0o777)),
  );
  chmodSync(path, mode);
  return `mode ${mode.toString(8)} of ${short(world, path)}`;
}

function touch(world: World): string {
  const path = pick(world, regularFiles(world.folder));
  utimesSync(path, new Date(), new Date(Date.now() - Math.floor(world.random() * 1e9)));
  return `time of ${short(world, path)}`;
}

function sameBytes(world: World): string {
  const path = pick(world, regularFiles(world.folder));
  writeFileSync(path, readFileSync(path));
  return `same bytes into ${short(world, path)}`;
}

function addFile(world: World): string {
  const folder = pick(world, globbed);
  const name = `new${++added}${pick(world, [".py", ".txt", ".log", ".md", ".tmp"])}`;
  const path = join(world.folder, folder, pick(world, [name, name, `x${name}`, `deeper/${name}`]));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${name}\n`);
  return `new file ${short(world, path)}`;
}

function deleteAdded(world: World): string | undefined {
  const candidates = regularFiles(world.folder).filter((path) => /\/x?new\d+/.test(path));
  if (candidates.length === 0) return undefined;
  const path = pick(world, candidates);
  rmSync(path);
  return `removed ${short(world, path)}`;
}

function renameFile(world: World): string | undefined {
  const candidates = regularFiles(world.folder).filter(
    (path) => /\/x?new\d+/.test(path) || /(one|two|mod)\.py$/.test(path),
  );
  if (candidates.length === 0) return undefined;
  const path = pick(world, candidates);
  const to = join(dirname(path), `xnew${++added}-${basename(path).slice(-8)}`);
  renameSync(path, to);
  return `renamed ${short(world, path)} to ${basename(to)}`;
}

function retargetLink(world: World): string {
  const path = join(world.folder, pick(world, ["whole/pkg/link", "links/tree/dangling"]));
  const old = readlinkSync(path);
  unlinkSync(path);
  symlinkSync(
    old === "mod.py"
      ? "../main.py"
      : old === "nowhere"
        ? "inner.txt"
        : old === "inner.txt"
          ? "nowhere"
          : "mod.py",
    path,
  );
  return `target of link ${short(world, path)}`;
}

function comment(world: World): string {
  const path = pick(world, recipes(world.folder));
  appendFileSync(path, `# comment ${Math.floor(world.random() * 1e6)}\n`);
  return `comment in ${short(world, path)}`;
}

function unneededStage(world: World): string {
  replaceIn(
    world,
    "stages/Dockerfile",
    /COPY never.txt \/\S*/,
    `COPY never.txt /${Math.floor(world.random() * 1e6)}`,
  );
  return "a stage that nothing needs";
}

function ignoreMore(world: World): string {
  const path = join(
    world.folder,
    pick(world, [
      "whole/.dockerignore",
      "assets/.dockerignore",
      "named/docker/Dockerfile.named.dockerignore",
    ]),
  );
  const pattern = pick(world, [
    "*.md",
    "pkg/new*",
    "!pkg/newer*",
    "**/x*.txt",
    "/pkg/deeper/",
    "nothing/like/this",
  ]);
  appendFileSync(path, `${pattern}\n`);
  return `${pattern} in ${short(world, path)}`;
}

function ignoreComment(world: World): string {
  appendFileSync(join(world.folder, "whole/.dockerignore"), "# comment\n");
  return "comment in whole/.dockerignore";
}

function changeEnv(world: World): string {
  const spare = readFileSync(join(world.folder, "forms/Dockerfile"), "utf8").includes("ARG NAME=spare");
  replaceIn(world, "forms/Dockerfile", /ARG NAME=\w+/, spare ? "ARG NAME=conf" : "ARG NAME=spare");
  return "default of an argument that names a file";
}

function changeLabel(world: World): string {
  replaceIn(world, "forms/Dockerfile", /kind=\w+/, `kind=k${Math.floor(world.random() * 1e6)}`);
  return "a label";
}

function changeRun(world: World): string {
  replaceIn(
    world,
    "child/Dockerfile",
    /RUN echo tools\S* > /,
    `RUN echo tools${Math.floor(world.random() * 1e6)} > `,
  );
  return "a RUN of a stage that is mounted";
}

function heredoc(world: World): string {
  replaceIn(
    world,
    "forms/Dockerfile",
    /# a comment that counts.*/,
    `# a comment that counts ${Math.floor(world.random() * 1e6)}`,
  );
  return "a comment inside a here-document";
}

function changeArgument(world: World): string {
  world.args.MODE = String(Math.floor(world.random() * 1e6));
  return "argument MODE";
}

function unknownArgument(world: World): string {
  world.args.NOBODY = String(Math.floor(world.random() * 1e6));
  return "argument that no Dockerfile declares";
}

function moveClone(world: World): string {
  const to = `${world.folder.replace(/-\d+$/, "")}-${++added}`;
  renameSync(world.folder, to);
  world.folder = to;
  return "the whole folder moved";
}

function otherDigest(world: World): string {
  [world.digests["busybox:1"], world.digests["busybox:2"]] = [
    world.digests["busybox:2"]!,
    world.digests["busybox:1"]!,
  ];
  return "digests of the external images";
}

function goBack(world: World): string | undefined {
  const path = join(
    world.folder,
    pick(world, ["copyfrom/own.txt", "child/c.txt", "mounts/req.txt", "base/a.txt"]),
  );
  const lines = readFileSync(path, "utf8").split("\n");
  if (lines.length <= 2) return undefined;
  writeFileSync(path, `${lines.slice(0, -2).join("\n")}\n`);
  return `${short(world, path)} back to an earlier content`;
}
