import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { pick, regularFiles, replaceIn, short } from "./edit-world.ts";
import { number, other, type GraphEdit, type GraphWorld } from "./graph-world.ts";

const isCode = (path: string): boolean =>
  /\.(py|cpp|lock)$|native\/|stand-in\/|\/(pip|pip\.conf|build-jobs|os-patches)$/.test(path);
const isLock = (path: string): boolean => path.endsWith(".lock");
const isDockerfile = (path: string): boolean => basename(path).startsWith("Dockerfile");
const graphFiles = (world: GraphWorld): string[] =>
  ["cuda-base", "services"].flatMap((folder) => regularFiles(join(world.folder, folder)));
const anyFile = (world: GraphWorld, wanted: (path: string) => boolean): string =>
  pick(world, graphFiles(world).filter(wanted));

/** Changes of files, those that matter to an image and those that do not. */
export const fileEdits: GraphEdit[] = [
  (world) =>
    append(
      world,
      anyFile(world, (path) => isCode(path) && !isLock(path)),
      "# ",
    ),
  (world) =>
    append(
      world,
      anyFile(world, (path) => path.includes("/app/")),
      "# ",
    ),
  (world) => append(world, anyFile(world, isLock), "package==0."),
  (world) => append(world, activeLock(world), "package==0."),
  (world) => append(world, activeLock(world), "# a comment in a lock "),
  (world) =>
    append(
      world,
      anyFile(world, (path) => /README\.md$|requirements.*\.in$|smoke-test\/|bake\.hcl$|compose/.test(path)),
      "# ",
    ),
  (world) => append(world, anyFile(world, isDockerfile), "# comment "),
  (world) =>
    append(
      world,
      anyFile(world, (path) => isDockerfile(path) && !path.endsWith(".runtime")),
      "LABEL changed=",
    ),
  (world) =>
    append(
      world,
      anyFile(world, (path) => isDockerfile(path) && path.includes("services")),
      "USER 0\nRUN echo > /run-",
    ),
  (world) =>
    append(
      world,
      anyFile(world, (path) => path.endsWith(".dockerignore")),
      pick(world, ["# comment ", "nothing-like-this-", "app/extra-"]),
    ),
  (world) => {
    const folder = pick(world, [
      "services/whisperx/app",
      "services/infinitetalk/app",
      "services/captions",
      "services/infinitetalk/stand-in",
      "cuda-base",
      "services/whisperx",
    ]);
    const path = join(
      world.folder,
      folder,
      pick(world, [`extra-${number(world)}.py`, `extra-${number(world)}.md`]),
    );
    writeFileSync(path, "extra\n", { mode: 0o644 });
    return `new file ${short(world, path)}`;
  },
  (world) => {
    const path = join(
      world.folder,
      pick(world, ["services/whisperx", "services/infinitetalk"]),
      "app/__pycache__",
    );
    const file = join(path, `${number(world)}.pyc`);
    if (!statSync(path, { throwIfNoEntry: false })) return newFolderFile(world, path, file);
    writeFileSync(file, "compiled");
    return `ignored file ${short(world, file)}`;
  },
  (world) => {
    const candidates = graphFiles(world).filter((path) => /extra-\d+\.(py|md)$/.test(path));
    if (candidates.length === 0) return undefined;
    const path = pick(world, candidates);
    if (world.random() < 0.5) rmSync(path);
    else renameSync(path, path.replace(/extra-\d+/, `extra-${number(world)}`));
    return `removed or renamed ${short(world, path)}`;
  },
  (world) => {
    const path = anyFile(world, (file) => isCode(file) && !isLock(file));
    const now = statSync(path).mode & 0o777;
    chmodSync(path, other(world, [0o644, 0o755, 0o600], now));
    return `mode of ${short(world, path)}`;
  },
  (world) => {
    const path = anyFile(world, isCode);
    utimesSync(path, new Date(), new Date(Date.now() - number(world) * 1000));
    return `time of ${short(world, path)}`;
  },
  (world) => {
    const path = anyFile(world, () => true);
    writeFileSync(path, readFileSync(path));
    return `same bytes into ${short(world, path)}`;
  },
  (world) => {
    replaceIn(
      world,
      "services/whisperx/Dockerfile",
      /image\.title="[^"]*"/,
      `image.title="w${number(world)}"`,
    );
    return "a label of services/whisperx/Dockerfile";
  },
  (world) => {
    replaceIn(world, "services/captions/Dockerfile", /ARG MODEL=\S*/, `ARG MODEL=m${number(world)}`);
    return "an argument's default in services/captions/Dockerfile";
  },
  (world) => {
    replaceIn(world, "services/infinitetalk/Dockerfile", /ARG COMMIT=\S*/, `ARG COMMIT=${number(world)}`);
    return "a stage of services/infinitetalk/Dockerfile that is not needed";
  },
  () => "nothing",
];

function append(world: GraphWorld, path: string, text: string): string {
  const line = `${text}${number(world)}`;
  appendFileSync(path, `${line}\n`);
  return `${JSON.stringify(line)} at the end of ${short(world, path)}`;
}

function newFolderFile(world: GraphWorld, folder: string, file: string): string {
  mkdirSync(folder);
  writeFileSync(file, "compiled");
  return `ignored folder ${short(world, folder)}`;
}

/** A lock that an image of the stack takes just now. */
function activeLock(world: GraphWorld): string {
  const { torch, cuda, python } = world.values.cudaBase;
  const name = `torch${torch}-cu${cuda.replace(".", "")}-py${python.replace(".", "")}`;
  return anyFile(world, (path) => isLock(path) && path.includes(name) && !path.includes("flash-attn"));
}
