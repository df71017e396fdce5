import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { debianRelease, debianSources } from "../debian.ts";
import { withLock } from "../lock.ts";
import { requireFreeDisk } from "../preflight.ts";
import { isRunning } from "../processes.ts";
import { silent, type WorkOptions } from "../steps.ts";
import { ensureFolder, userCache } from "../user-cache.ts";
import type { GoProgram } from "./go-programs.ts";
import { moduleHash } from "./module-hash.ts";

/** A Go that can build our programs. */
export interface GoTool {
  /** e.g. `"1.25.11"`. */
  version: string;
  env: Record<string, string>;
}

/** What the module files ask for. An older 1.25 fetches this one by itself. */
const wantedGo = [1, 25, 11] as const;
const wanted = "Go 1.25 or newer";

/**
 * Finds Go and gives it folders that work without a HOME.
 *
 * @returns why there is none, as a text for a message.
 */
export async function findGo(): Promise<GoTool | string> {
  const fallback = userCache("go");
  const home: Record<string, string> = process.env.HOME ? {} : { HOME: fallback };
  const answer = await execa("go", ["env", "GOVERSION", "GOMODCACHE", "GOCACHE"], {
    reject: false,
    env: home,
    cwd: "/",
  });
  if (answer.code === "ENOENT") return `${wanted} is not installed`;
  const [goVersion = "", modules = "", builds = ""] = (answer.stdout ?? "").split("\n");
  const version = /^go(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(goVersion)
    ?.slice(1)
    .map((part) => Number(part ?? 0));
  if (answer.failed || !version) return `Go does not run (${answer.stderr || answer.shortMessage})`;
  const [major = 0, minor = 0, patch = 0] = version;
  if (major < wantedGo[0] || (major === wantedGo[0] && minor < wantedGo[1]))
    return `${goVersion.slice(2)} of Go is too old: ${wanted} is needed`;
  const old = major === wantedGo[0] && minor === wantedGo[1] && patch < wantedGo[2];
  return {
    version: goVersion.slice(2),
    env: {
      ...home,
      CGO_ENABLED: "0",
      GO111MODULE: "on",
      GOWORK: "off",
      // Keeps the build of the CLI well under 3 GB of memory.
      GOFLAGS: "-p=2 -modcacherw -buildvcs=false",
      GOMEMLIMIT: "2GiB",
      ...(old ? { GOTOOLCHAIN: "auto" } : {}),
      // A Go user's caches are used and filled; for everybody else ours are, and go when all is built.
      ...(isFilled(modules) ? {} : { GOPATH: fallback }),
      GOMODCACHE: isFilled(modules) ? modules : join(fallback, "modules"),
      GOCACHE: isFilled(builds) ? builds : join(fallback, "builds"),
    },
  };
}

/**
 * Path of the program, built where the user's cache has no copy of these very module files.
 *
 * @throws UserError when Go is missing, too old, or cannot fetch its modules.
 */
export async function ensureGoProgram(program: GoProgram, options: WorkOptions = {}): Promise<string> {
  await ensureFolder(
    dirname(programPath(program)),
    (temporary) => asBuilder(() => build(program, temporary, options)),
    options,
  );
  return programPath(program);
}

/** Where the built program lies, or will. */
export function programPath(program: GoProgram): string {
  return userCache("toolchain", `${program.name}-${program.version}-${moduleHash(program)}`, program.name);
}

/** Removes the caches that were only there to build, unless another process builds with them: then that one removes them. */
export async function removeGoCaches({ onStep = silent }: WorkOptions = {}): Promise<void> {
  const folder = userCache("go");
  if (!existsSync(folder)) return;
  await withLock(folder, async () => {
    if (otherBuilders().length > 0) return;
    onStep({ name: "tool chain", detail: "removing the caches of the build" });
    await rm(folder, { recursive: true, force: true });
  });
}

/** Has a file named by its process ID for each process that builds now. */
const buildersFolder = (): string => userCache("go-builders");

/** Does `work` as one who needs the caches of the build. */
async function asBuilder<T>(work: () => Promise<T>): Promise<T> {
  const mark = join(buildersFolder(), String(process.pid));
  await withLock(userCache("go"), async () => {
    mkdirSync(buildersFolder(), { recursive: true });
    writeFileSync(mark, "");
  });
  try {
    return await work();
  } finally {
    rmSync(mark, { force: true });
  }
}

function otherBuilders(): number[] {
  if (!existsSync(buildersFolder())) return [];
  const pids = readdirSync(buildersFolder()).map(Number);
  return pids.filter((pid) => pid !== process.pid && isRunning(pid));
}

/** Modules and build results of all programs took 6.6 GB; what is there already counts. */
function requireRoomFor({ env }: GoTool): void {
  const fresh = env.GOMODCACHE === join(userCache("go"), "modules") && !existsSync(env.GOMODCACHE);
  if (fresh) requireFreeDisk(userCache(), 8e9);
}

async function build(program: GoProgram, folder: string, options: WorkOptions): Promise<void> {
  const go = await findGo();
  if (typeof go === "string")
    throw new UserError(`${program.name} ${program.version} cannot be built: ${go}.`);
  const step = (detail: string) =>
    (options.onStep ?? silent)({ name: `build ${program.name} ${program.version}`, detail });
  step(`Go ${go.version}`);
  requireRoomFor(go);
  const source = join(folder, "source");
  cpSync(program.module, source, { recursive: true }); // the clone may be read-only, or be moved meanwhile
  mkdirSync(go.env.GOMODCACHE!, { recursive: true });
  const args = [
    "build",
    "-mod=readonly",
    "-trimpath",
    "-v",
    ...(program.tags ? ["-tags", program.tags] : []),
  ];
  args.push(
    "-ldflags",
    `-s -w ${program.linkerFlags ?? ""}`.trim(),
    "-o",
    join(folder, program.name),
    program.package,
  );
  const headers = program.headers ? await unpackHeaders(program.headers, folder, options) : {};
  const running = execa("go", args, {
    cwd: source,
    env: { ...go.env, ...headers },
    reject: false,
    stdin: "ignore",
    stdout: "ignore",
    stderr: { transform: countLines(step) },
    cancelSignal: options.signal,
  });
  const result = await running;
  options.signal?.throwIfAborted();
  if (result.failed) {
    const reason = String(result.stderr ?? "")
      .trim()
      .split("\n")
      .slice(-3)
      .join(" | ");
    throw new UserError(
      `${program.name} ${program.version} cannot be built with Go ${go.version}: ${reason || result.shortMessage}`,
    );
  }
  rmSync(source, { recursive: true });
  rmSync(join(folder, "headers"), { recursive: true, force: true });
  chmodSync(join(folder, program.name), 0o755);
}

/** Variables with which gcc finds what the machine itself need not have installed. */
async function unpackHeaders(
  packages: string[],
  folder: string,
  options: WorkOptions,
): Promise<Record<string, string>> {
  const { unpackPackages } = await import("../apt-packages.ts");
  const release = debianRelease();
  if (!release) throw new UserError(`${packages.join(", ")} can only be had from Debian's packages.`);
  const target = join(folder, "headers");
  await unpackPackages(packages, debianSources(release, "the build"), target, join(folder, "apt"), options);
  const found = readdirSync(target, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith(".pc"),
  );
  return {
    CGO_ENABLED: "1",
    PKG_CONFIG_SYSROOT_DIR: target,
    PKG_CONFIG_PATH: join(target, dirname(found ?? "")),
  };
}

/** Turns Go's lines, one per module fetched or package compiled, into a step that says how far it is. */
function countLines(step: (detail: string) => void) {
  let modules = 0;
  let packages = 0;
  return function* (line: unknown): Generator<string> {
    const text = String(line);
    if (text.startsWith("go: downloading ")) step(`fetching modules: ${++modules}`);
    else if (/^[\w.-]+(\/\S*)?$/.test(text)) step(`compiling packages: ${++packages}`);
    else yield text;
  };
}

function isFilled(folder: string): boolean {
  return folder !== "" && existsSync(folder) && readdirSync(folder).length > 0;
}
