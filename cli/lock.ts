import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import envPaths from "env-paths";
import { UserError } from "../lib/errors.ts";
import { imageDefinitions, lockName } from "../lib/images/definitions.ts";
import { ImageLockFile } from "../lib/images/lock-file.ts";
import { externalReferences } from "../lib/images/plan.ts";
import { describeDifference } from "../lib/locks/lock-difference.ts";
import { nextOsPatches, writeOsPatches } from "../lib/locks/os-patches.ts";
import {
  refreshBase,
  refreshService,
  writeChanges,
  type LockChange,
  type RefreshOptions,
} from "../lib/locks/refresh.ts";
import { findUv } from "../lib/locks/uv.ts";
import { upstreamsOf } from "../lib/registry/cache-settings.ts";
import { fetchManifestDigest } from "../lib/registry/manifest-digest.ts";
import { readSecret, sourceProblem } from "../lib/secrets/source.ts";
import { settingsOfStackFile } from "../lib/settings/load.ts";
import type { Settings } from "../lib/settings/settings.ts";
import { addCompat } from "./lock-compat.ts";
import { stackOption } from "./options.ts";
import { createProgress, type Progress } from "./progress.ts";
import { useProxy } from "./use-proxy.ts";

interface LockOptions {
  stack: string;
  dryRun?: boolean;
  upgrade?: boolean;
}

/** `npm run lock -- base|service NAME|digests|os|compat`: makes or refreshes what pins the images, and shows the difference. */
export function lockCommand(): Command {
  const command = new Command("npm run lock --").description(
    "Makes or refreshes what pins the images. Shows what changes, writes it, builds nothing: the next npm start (or pulumi up) does.",
  );
  const add = (usage: string, description: string) =>
    command
      .command(usage)
      .description(description)
      .addOption(stackOption())
      .option("--dry-run", "show what would change, write nothing");
  const upgrade =
    "take newer releases where requirements.in allows them; otherwise versions stay where they fit";

  add(
    "base",
    "Packages of the CUDA bases: torch, its CUDA libraries and what cuda-base/requirements.in names",
  )
    .option("--upgrade", upgrade)
    .action((options: LockOptions) => lockPackages(options, (settings, uv) => lockBase(settings, uv)));
  add("service <name>", "Packages of one service, from its requirements.in")
    .option("--upgrade", upgrade)
    .action((name: string, options: LockOptions) =>
      lockPackages(options, (settings, uv) => lockService(settings, name, uv)),
    );
  add("os", "The distribution's patches: the bases are built again with those of today").action(lockOs);
  add(
    "digests",
    "Digests of external images such as nvidia/cuda: asks the registry which image each name means today",
  ).action(lockDigests);
  addCompat(command);
  return command;
}

async function lockPackages(
  options: LockOptions,
  refresh: (settings: Settings, options: RefreshOptions) => Promise<LockChange[]>,
): Promise<void> {
  const settings = settingsOfStackFile(process.cwd(), options.stack);
  useProxy(settings.proxy);
  const changes = await withProgress("resolve packages", async (progress) => {
    const uv = await findUv(envPaths("gpu-build-host", { suffix: "" }).cache, (detail) =>
      progress.step("resolve packages", detail),
    );
    return refresh(settings, { uv, upgrade: options.upgrade === true });
  });
  for (const { path, difference, unchanged } of changes) {
    const lines = describeDifference(difference);
    const state = unchanged ? "unchanged" : lines.length === 0 ? "same packages, new heading" : "";
    console.log([`${relative(process.cwd(), path)}: ${state}`.trimEnd(), ...lines].join("\n"));
  }
  if (options.dryRun) console.log("Nothing was written (--dry-run).");
  else await writeChanges(changes);
}

function lockBase(settings: Settings, options: RefreshOptions): Promise<LockChange[]> {
  const folder = join(settings.root, "cuda-base");
  return refreshBase(
    join(folder, "locks", lockName(settings.cudaBase)),
    join(folder, "requirements.in"),
    { ...settings.cudaBase, ...packageIndex(settings) },
    options,
  );
}

/** The index of torch's wheels, with its login where it has one. */
function packageIndex(settings: Settings): { packageIndex?: string } {
  const source = settings.cudaBase.packageIndexSecret;
  if (!source) return {}; // then the URL of the settings holds
  const absolute = "file" in source ? { file: resolve(settings.root, source.file) } : source;
  const url = readSecret(absolute);
  if (url !== undefined) return { packageIndex: url };
  throw new UserError(`gpu-build-host:cudaBase.packageIndexSecret ${sourceProblem(absolute)}`);
}

function lockService(settings: Settings, name: string, options: RefreshOptions): Promise<LockChange[]> {
  const definition = imageDefinitions(settings).find((image) => image.name === name);
  if (!definition || !(name in settings.services))
    throw new UserError(
      `There is no service ${name} in this stack. Services: ${Object.keys(settings.services).join(", ") || "none"}.`,
    );
  const base = join(settings.root, "cuda-base", "locks", lockName(settings.cudaBase));
  return refreshService(name, definition.context, base, settings.cudaBase.python, options);
}

async function lockOs(options: LockOptions): Promise<void> {
  const patches = await nextOsPatches(
    join(process.cwd(), "cuda-base", "os-patches"),
    new Date().toISOString().slice(0, 10),
  );
  console.log(`cuda-base/os-patches: patches of ${patches.from} → ${patches.to}`);
  if (options.dryRun) console.log("Nothing was written (--dry-run).");
  else await writeOsPatches(patches);
}

async function lockDigests(options: LockOptions): Promise<void> {
  const settings = settingsOfStackFile(process.cwd(), options.stack);
  useProxy(settings.proxy);
  const file = await ImageLockFile.open(settings.imagesLockFile);
  const before = file.entries();
  await withProgress("ask the registry", async () => {
    const { image } = settings.registryCache;
    for (const reference of [...(await externalReferences(imageDefinitions(settings))), image]) {
      if (!reference.includes("@"))
        file.set(reference, await fetchManifestDigest(reference, upstreamsOf(settings)));
    }
  });
  const after = file.entries();
  for (const [reference, digest] of Object.entries(after)) {
    const old = before[reference];
    const change = old === digest ? "unchanged" : `${old?.slice(0, 19) ?? "new"} → ${digest.slice(0, 19)}`;
    console.log(`${reference}: ${change}`);
  }
  if (options.dryRun) console.log("Nothing was written (--dry-run).");
  else await file.save();
}

async function withProgress<T>(name: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = createProgress();
  progress.step(name);
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}
