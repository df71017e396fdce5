import { pick } from "./edit-world.ts";
import { number, other, type GraphEdit, type GraphWorld } from "./graph-world.ts";
import { choices, services, writeImageLock } from "./real-graph.ts";

/** Changes of a stack's file and of the lock file of images. */
export const settingsEdits: GraphEdit[] = [
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
    if (world.values.services[name]) {
      delete world.values.services[name];
      delete world.values.rebuilds[name]; // settings may name no image that is not there
    } else world.values.services[name] = structuredClone(services[name]!);
    return `service ${name} ${world.values.services[name] ? "added" : "removed"}`;
  },
  (world) => {
    const name = pick(world, ["cuda-base-devel", "whisperx", "captions", "ai-api-base"]);
    if (name in services && !world.values.services[name]) return undefined;
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
