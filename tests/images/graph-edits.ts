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
import { execa } from "execa";
import { pick, regularFiles, replaceIn, short } from "./edit-world.ts";
import { remember, restore, type GraphWorld, type Moment } from "./graph-world.ts";
import { choices, services, writeImageLock } from "./real-graph.ts";

type Edit = (world: GraphWorld) => string | undefined | Promise<string | undefined>;

const number = (world: GraphWorld): number => Math.floor(world.random() * 1e6);
const other = <T>(world: GraphWorld, items: T[], now: T): T =>
  pick(
    world,
    items.filter((item) => item !== now),
  );

/** Makes random edits, and remembers what was before each. */
export class GraphEdits {
  private readonly moments: Moment[] = [];
  private readonly edits: Edit[];

  constructor() {
    const back: Edit = (world) => this.goBack(world);
    this.edits = [...settingsEdits, ...fileEdits, ...fileEdits, ...engineEdits, back, back, back];
  }

  /** Makes one edit; returns what it was. */
  async next(world: GraphWorld): Promise<string> {
    const before = remember(world);
    for (;;) {
      const what = await pick(world, this.edits)(world);
      if (what === undefined) continue;
      this.moments.push(before);
      if (this.moments.length > 6) this.moments.shift();
      return what;
    }
  }

  private goBack(world: GraphWorld): string | undefined {
    if (this.moments.length === 0) return undefined;
    const index = Math.floor(world.random() * this.moments.length);
    restore(world, this.moments[index]!);
    return `settings and files of ${this.moments.length - index} edits ago`;
  }
}

const settingsEdits: Edit[] = [
  (world) => {
    const base = world.values.cudaBase;
    const key = pick(world, ["cuda", "torch", "python", "image"] as const);
    return `cudaBase.${key} = ${(base[key] = other(world, choices[key], base[key]))}`;
  },
  (world) => {
    const now = world.values.cudaBase.cudaArchitectures?.join();
    const next = other(world, ["8.6", "8.6,8.9", "9.0,12.0"], now);
    world.values.cudaBase.cudaArchitectures = next!.split(",");
    return `cudaBase.cudaArchitectures = ${next}`;
  },
  (world) => {
    const base = world.values.cudaBase;
    if (base.packageIndex) delete base.packageIndex;
    else base.packageIndex = `https://index.test/${number(world) % 3}`;
    return `cudaBase.packageIndex = ${base.packageIndex ?? "none"}`;
  },
  (world) => {
    const args = world.values.services.infinitetalk?.args;
    if (!args) return undefined;
    args.FLASH_ATTN = other(world, ["none", "wheel", "source"], args.FLASH_ATTN as string);
    return `infinitetalk: argument FLASH_ATTN = ${args.FLASH_ATTN}`;
  },
  (world) => argument(world, "captions", "MODEL"),
  (world) => argument(world, pick(world, ["captions", "whisperx", "infinitetalk"]), "NOBODY"),
  (world) => argument(world, "infinitetalk", "MAX_JOBS"),
  (world) => {
    const name = pick(world, Object.keys(services));
    const service = world.values.services[name];
    if (!service) return undefined;
    process.env.GRAPH_SECRET ??= "hidden words";
    if (service.secrets) delete service.secrets;
    else service.secrets = { token: { env: "GRAPH_SECRET" } };
    return `${name}: ${service.secrets ? "a secret" : "no secret"}`;
  },
  (world) => {
    const name = pick(world, ["whisperx", "captions", "infinitetalk"]);
    const service = world.values.services[name];
    if (!service) return undefined;
    service.tags = pick(world, [[`${name}:mine`], [`${name}:mine`, `${name}:also`], [`${name}:latest`]]);
    return `${name}: tags ${service.tags.join(" and ")}`;
  },
  (world) => {
    if (world.values.variant) delete world.values.variant;
    else world.values.variant = pick(world, ["test", "night"]);
    return `variant = ${String(world.values.variant ?? "none")}`;
  },
  (world) => `keepVersions = ${String((world.values.keepVersions = pick(world, [1, 2, 3, 5])))}`,
  (world) => {
    const [key, value] = pick(world, [
      ["build", { idleMinutes: 20 + (number(world) % 9) }],
      ["keepStorage", `${10 + (number(world) % 9)}GB`],
      ["dockerDaemon", { allowRestart: world.random() < 0.5 }],
    ] as [string, unknown][]);
    world.values[key] = value;
    return `${key}, which is in no image`;
  },
  (world) => {
    const name = pick(world, ["captions", "infinitetalk", "whisperx"]);
    if (world.values.services[name]) delete world.values.services[name];
    else world.values.services[name] = structuredClone(services[name]!);
    return `service ${name} ${world.values.services[name] ? "added" : "removed"}`;
  },
  (world) => {
    const name = pick(world, ["cuda-base-devel", "whisperx", "captions", "ai-api-base"]);
    const count = (world.values.rebuilds[name]?.count ?? 0) + 1;
    world.values.rebuilds[name] = { count, noCache: world.random() < 0.3 };
    return `rebuild ${count} of ${name}${world.values.rebuilds[name].noCache ? " without cache" : ""}`;
  },
  (world) => {
    const test = world.values.services.whisperx?.smokeTest;
    if (!test) return undefined;
    test.command = ["python3", "/smoke-test/check.py", String(number(world))];
    return "whisperx: command of the smoke test";
  },
  (world) => {
    const [one, two] = choices.image as [string, string];
    [world.digests[one], world.digests[two]] = [world.digests[two]!, world.digests[one]!];
    writeImageLock(world.folder, world.digests);
    return "digests of the external images";
  },
];

function argument(world: GraphWorld, name: string, key: string): string | undefined {
  const service = world.values.services[name];
  if (!service) return undefined;
  const value = number(world) % 4;
  service.args = { ...service.args, [key]: value };
  return `${name}: argument ${key} = ${value}`;
}

const isCode = (path: string): boolean =>
  /\.(py|cpp|lock)$|native\/|stand-in\/|\/(pip|pip\.conf|build-jobs|os-patches)$/.test(path);
const isLock = (path: string): boolean => path.endsWith(".lock");
const isDockerfile = (path: string): boolean => basename(path).startsWith("Dockerfile");
const anyFile = (world: GraphWorld, wanted: (path: string) => boolean): string =>
  pick(
    world,
    regularFiles(world.folder).filter((path) => wanted(path) && !path.endsWith("images.lock.yaml")),
  );

const fileEdits: Edit[] = [
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
    const candidates = regularFiles(world.folder).filter((path) => /extra-\d+\.(py|md)$/.test(path));
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
  (world) => {
    const to = `${world.folder.replace(/-\d+$/, "")}-${number(world)}`;
    renameSync(world.folder, to);
    world.folder = to;
    return "the whole folder moved";
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

const engineEdits: Edit[] = [
  async (world) => {
    const [name, reference] = pick(world, [...world.references()]);
    await world.engine.untag(reference);
    return `the hash reference of ${name} removed`;
  },
  async (world) => {
    const [name, reference] = pick(world, [...world.references()]);
    const tags = (await world.engine.image(reference))?.tags ?? [];
    for (const tag of tags) await world.engine.untag(tag);
    return `all names of ${name} removed`;
  },
  async (world) => {
    const references = [...world.references()];
    const [name, reference] = pick(world, references);
    const tag = (await world.engine.image(reference))?.tags.find(
      (other) => !other.startsWith("localhost:1/"),
    );
    if (tag === undefined) return undefined;
    if (world.random() < 0.5) await world.engine.untag(tag);
    else await world.engine.tag(pick(world, references)[1], tag);
    return `a friendly tag of ${name} moved or removed`;
  },
  async (world) => {
    if (world.random() > 0.3) return undefined;
    const reference = world.references().get("cuda-base-runtime")!;
    for (const tag of (await world.engine.image(reference))?.tags ?? []) await world.engine.untag(tag);
    await execa("docker", ["builder", "prune", "--all", "--force"], {
      env: { DOCKER_HOST: world.engine.host },
    });
    return "cuda-base-runtime lost together with the build cache";
  },
];
