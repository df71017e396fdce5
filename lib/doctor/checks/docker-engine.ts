import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { buildxProblem } from "../../host/buildx.ts";
import { npmCommand, setCommand } from "../../settings/commands.ts";
import { managedFiles } from "../managed-files.ts";
import type { EngineAnswer } from "../engine-answer.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

/** Oldest engine that has `dockerd --validate`, named build contexts and BuildKit as its builder. */
const oldestEngine = 23;
const install = "https://docs.docker.com/engine/install/";

/** Judges an engine that answers; the check is skipped where none does: docker.present has said so. */
export async function withEngine(
  facts: Facts,
  judge: (engine: EngineAnswer) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const engine = await facts.engine();
  return isUnknown(engine) ? skip("the engine does not answer") : judge(engine);
}

/** Releases with faults that matter here. */
const faultyReleases: { matches: RegExp; what: string; fixedIn: string }[] = [
  {
    matches: /^(23\.0\.[0-6]|24\.0\.0)(\D|$)/,
    what: "forgets insecure-registries when its configuration is reloaded",
    fixedIn: "23.0.7, 24.0.1",
  },
  {
    matches: /^29\.[12]\./,
    what: "can lose images of the containerd store",
    fixedIn: "29.3",
  },
];

export const dockerEngineChecks: CheckDefinition[] = [
  {
    id: "docker.present",
    what: "The engine answers on the socket that `engine.host` names.",
    fails: "nothing listens there, this user may not use it, or it does not answer within 7 s",
    run: async ({ engine, settings }) => {
      const answer = await engine();
      if (!isUnknown(answer)) return ok(`Docker Engine ${answer.version} at ${settings.engine.host}`);
      const start = answer.fix ?? install;
      const again = npmCommand("npm start", settings.stack);
      const isOurs = settings.dockerDaemon.manage === "apply" && (await managedFiles(settings)).length > 0;
      return fail(
        answer.problem,
        isOurs && start !== again ? `${start}; ${again} repairs a restart that was cut off` : start,
      );
    },
  },
  {
    id: "docker.version",
    what: "The engine's version.",
    fails: `it is older than ${oldestEngine}.0: no \`dockerd --validate\`, no named build contexts`,
    warns: "this release is known to forget settings or lose images",
    run: (facts) => withEngine(facts, judgeVersion),
  },
  {
    id: "docker.buildx",
    what: "The `docker` command and its plugin buildx, which every build uses.",
    fails: "either is missing",
    run: async ({ env, started }) => {
      if (!started) return skip("npm start brings them");
      const problem = await buildxProblem(env);
      return problem ? fail(problem.what, problem.fix) : ok("docker and buildx are there");
    },
  },
  {
    id: "docker.kind",
    what: "Whether the engine's configuration is ours to write: packages, Docker Desktop, snap, NixOS, rootless, Podman.",
    fails: "`dockerDaemon.manage` is `apply` and the engine is not of a kind whose daemon.json we write",
    warns: "the same with `print` or `off`",
    run: judgeKind,
  },
  {
    id: "docker.live-restore",
    what: "`live-restore`: containers survive a restart of the daemon.",
    warns: "it is off while containers run beside the cache",
    run: (facts) =>
      withEngine(facts, ({ liveRestore, runningContainers }) => {
        if (liveRestore) return ok("on: containers survive a restart of the daemon");
        if (facts.settings.sandbox || runningContainers <= 1)
          return ok(`off; nothing but the cache would stop in a restart of the daemon`);
        return warn(
          `off: a restart of the daemon would stop ${runningContainers} running containers`,
          'put "live-restore": true into daemon.json, then: sudo systemctl reload docker',
        );
      }),
  },
  {
    id: "docker.runtimes",
    what: "The program of every runtime that the engine knows.",
    fails: "that of the default runtime is missing: no container starts",
    warns: "another's is missing",
    run: (facts) => withEngine(facts, (engine) => judgeRuntimes(engine, facts.env)),
  },
  {
    id: "docker.snapshotter",
    what: "How the engine stores layers.",
    warns:
      "vfs (every layer is a full copy), or the containerd store (a build of torch took 163 s there, 44 s on overlay2)",
    run: (facts) => withEngine(facts, judgeStore),
  },
];

function judgeVersion({ version, apiVersion }: EngineAnswer): Outcome {
  const [major = 0, minor = 0] = apiVersion.split(".").map(Number);
  // A build from source has no version; 1.42 is the API of 23.0.
  if (Number.parseInt(version, 10) < oldestEngine || (major === 1 && minor < 42))
    return fail(
      `Docker Engine ${version} is too old: ${oldestEngine}.0 or newer is needed`,
      `upgrade it: ${install}`,
    );
  const known = faultyReleases.find(({ matches }) => matches.test(version));
  if (known)
    return warn(`Docker Engine ${version} ${known.what}`, `upgrade to ${known.fixedIn} or newer: ${install}`);
  return ok(`${version}, API ${apiVersion}`);
}

async function judgeKind(facts: Facts): Promise<Outcome> {
  const daemon = await facts.daemon();
  if (isUnknown(daemon))
    return isUnknown(await facts.engine())
      ? skip("the engine does not answer")
      : skip(daemon.problem, `run as root: sudo ${npmCommand("npm run doctor", facts.settings.stack)}`);
  if (!daemon.foreign) return ok("Docker Engine from packages; its daemon.json is ours to write");
  const { manage } = facts.settings.dockerDaemon;
  const line = daemon.foreign.what;
  const byHand = `${setCommand(facts.settings.stack, "dockerDaemon.manage", "print")}, and put the lines that pulumi up prints into its configuration`;
  return manage === "apply"
    ? fail(`${line}: its configuration is not ours to write`, byHand)
    : warn(line, `nothing, as long as dockerDaemon.manage stays ${manage}`);
}

function judgeRuntimes({ runtimes, defaultRuntime }: EngineAnswer, env: NodeJS.ProcessEnv): Outcome {
  const missing = Object.entries(runtimes).filter(([, path]) => path && !isProgram(path, env));
  const named = missing.map(([name, path]) => `${name} (${path})`).join(", ");
  const fix = "install its package again, or take the runtime out of daemon.json";
  if (missing.some(([name]) => name === defaultRuntime))
    return fail(`the program of the default runtime is missing: ${named}; no container can start`, fix);
  if (missing.length > 0) return warn(`the programs of runtimes are missing: ${named}`, fix);
  return ok(`${Object.keys(runtimes).join(", ")}; default ${defaultRuntime}`);
}

/** A runtime by shim (`io.containerd.runc.v2`) or without a slash is looked for by containerd itself. */
function isProgram(path: string, env: NodeJS.ProcessEnv): boolean {
  if (path.startsWith("io.containerd.")) return true;
  const folders = `${env["PATH"] ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin`.split(delimiter);
  const candidates = isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));
  return candidates.some((candidate) => existsSync(candidate) && mayRun(candidate));
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function judgeStore({ storageDriver, containerdStore }: EngineAnswer): Outcome {
  if (storageDriver === "vfs")
    return warn(
      "vfs: every layer is a full copy of all below it, so builds are slow and disks fill up",
      'put "storage-driver": "overlay2" into daemon.json and restart Docker (images are built again)',
    );
  if (containerdStore)
    return warn(
      `containerd's store (${storageDriver}): exporting a large image takes several times as long as on overlay2`,
      'for speed put "features": {"containerd-snapshotter": false} into daemon.json and restart Docker (images are built again)',
    );
  return ok(storageDriver);
}
