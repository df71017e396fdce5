import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { UserError } from "../errors.ts";
import { baseLockNames, pinnedByTorch, splitBaseLock, torchPackages, withoutBase } from "./base-packages.ts";
import { compareLocks, type LockDifference } from "./lock-difference.ts";
import { formatLock, parseLock, pins, type Lock } from "./lock-text.ts";
import { requirementsFor, serviceLockFile } from "./files.ts";
import type { Requirements } from "./requirements.ts";
import { resolve } from "./uv.ts";

/** A file that would change. Nothing is written before `writeChanges`. */
export interface LockChange {
  /** Absolute path. */
  path: string;
  text: string;
  difference: LockDifference;
  /** The file exists with this very text. */
  unchanged: boolean;
}

/** Which torch for which CUDA and Python. */
export interface BaseVersions {
  /** e.g. `"2.7.1"` */
  torch: string;
  /** e.g. `"12.8"` */
  cuda: string;
  /** e.g. `"3.10"` */
  python: string;
  /** Index that has torch; without it the client's own default. */
  packageIndex?: string;
}

export interface RefreshOptions {
  /** Path of uv. */
  uv: string;
  /** Take newer releases where the requirements allow them; otherwise versions stay where they fit. */
  upgrade: boolean;
}

/**
 * Resolves the base's packages and splits them into `nvidia.lock`, `torch.lock` and `python.lock`.
 * @param folder `cuda-base/locks/<name>`
 * @param context `cuda-base`, whose `requirements.in` names common packages beside torch
 */
export async function refreshBase(
  folder: string,
  context: string,
  versions: BaseVersions,
  options: RefreshOptions,
): Promise<LockChange[]> {
  const requirements = await requirementsFor(context, versions.torch);
  const old = Object.fromEntries(
    await Promise.all(
      baseLockNames.map(async (name) => [name, await lockOf(join(folder, `${name}.lock`))] as const),
    ),
  );
  const whole = await resolve(options.uv, {
    requirements: {
      ...requirements,
      // torchaudio has torch's version numbers, and from 2.11 on names no torch: without a limit its newest release would fit any.
      lines: [
        `torch==${versions.torch}`,
        "torchvision",
        `torchaudio<=${versions.torch}`,
        ...requirements.lines,
      ],
    },
    python: versions.python,
    ...(versions.packageIndex && { index: { url: versions.packageIndex, packages: torchPackages } }),
    preferences: options.upgrade ? [] : Object.values(old).flatMap(pins),
    anyAge: pinnedByTorch(),
  });
  checkCuda(whole, versions);
  const { torch, cuda, python } = versions;
  const by = "Made by `npm run lock -- base`:";
  const made = `${by} torch ${torch}, CUDA ${cuda}, Python ${python}${asOf(requirements)}.`;
  // Neither torch nor a date: the layer goes by the file's bytes, and another torch may want the same libraries.
  const nvidia = `${by} CUDA ${cuda}, Python ${python}.`;
  const split = splitBaseLock(whole, { nvidia, torch: made, python: made });
  return Promise.all(baseLockNames.map((name) => change(join(folder, `${name}.lock`), split[name])));
}

/** The base that a service stands on. */
export interface ServiceBase {
  /** Folder of its locks, `cuda-base/locks/<name>`; its last part is the name of the service's lock too. */
  folder: string;
  /** e.g. `"2.7.1"`: which `requirements-torch<version>.in` holds */
  torch: string;
  /** e.g. `"3.10"` */
  python: string;
}

/**
 * Resolves a service's `requirements.in` on top of the base and writes what the base does not have.
 * @param context the service's folder
 */
export async function refreshService(
  name: string,
  context: string,
  { folder: baseFolder, torch, python }: ServiceBase,
  options: RefreshOptions,
): Promise<LockChange[]> {
  const requirements = await requirementsFor(context, torch);
  const locks = await Promise.all(baseLockNames.map((lock) => lockOf(join(baseFolder, `${lock}.lock`))));
  const base: Lock = { heading: [], entries: new Map(locks.flatMap(({ entries }) => [...entries])) };
  if (base.entries.size === 0)
    throw new UserError(`${baseFolder} has no locks; run npm run lock -- base first`);
  const path = serviceLockFile(context, basename(baseFolder));
  const old = await lockOf(path);
  // The index has torch without the local part of its version (+cu128), and with other CUDA libraries: both stay the base's.
  const plain = pins(base).map((pin) => pin.replace(/\+.*$/, ""));
  const whole = await resolve(options.uv, {
    requirements,
    python,
    constraints: plain.filter((pin) => torchPackages.includes(pin.split("==")[0]!)),
    preferences: [
      ...plain.filter((pin) => !pin.startsWith("nvidia-")),
      ...(options.upgrade ? [] : pins(old).filter((pin) => !base.entries.has(pin.split("==")[0]!))),
    ],
    anyAge: pinnedByTorch(),
  });
  const heading = `Packages of ${name} beside those of the base ${basename(baseFolder)}. Made by \`npm run lock -- service ${name}\`: change requirements.in, not this file.`;
  return [await change(path, withoutBase(whole, base, [heading]))];
}

/** Writes what changed, each file at once and whole. */
export async function writeChanges(changes: LockChange[]): Promise<void> {
  for (const { path, text, unchanged } of changes) {
    if (unchanged) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, text);
  }
}

async function change(path: string, lock: Lock): Promise<LockChange> {
  const before = await readFile(path, "utf8").catch(() => "");
  const text = formatLock(lock);
  return { path, text, difference: compareLocks(parseLock(before), lock), unchanged: before === text };
}

async function lockOf(path: string): Promise<Lock> {
  return parseLock(await readFile(path, "utf8").catch(() => ""));
}

/** An index of the wrong CUDA version resolves as well: say it here, not after a build of minutes. */
function checkCuda(whole: Lock, { torch, cuda, packageIndex }: BaseVersions): void {
  const version = whole.entries.get("torch")?.version ?? "";
  const built = /\+cu(\d+)(\d)$/.exec(version);
  if (built && `${built[1]}.${built[2]}` !== cuda)
    throw new UserError(
      `torch ${torch} of ${packageIndex ?? "the default index"} is built for CUDA ${built[1]}.${built[2]}, the settings say ${cuda}; correct cudaBase.cuda or cudaBase.packageIndex`,
    );
}

function asOf({ excludeNewer }: Requirements): string {
  return excludeNewer ? `, packages as of ${excludeNewer}` : "";
}
