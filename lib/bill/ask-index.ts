import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import envPaths from "env-paths";
import { execa } from "execa";
import writeFileAtomic from "write-file-atomic";
import { wheelsOf } from "../locks/wheel-files.ts";
import { uvVersion } from "../locks/uv.ts";
import type { Settings } from "../settings/settings.ts";
import { hashMark } from "./build-notes.ts";
import type { WantedPackage } from "./packages.ts";

/** Answers, by `"name==version py3.10"`: bytes, or the time of a question without an answer. */
type Kept = Record<string, { bytes: number } | { asked: number }>;

/** Milliseconds for which the index is not asked again after it had no answer. */
const patience = 3_600_000;

/**
 * Fills in sizes that no lock has, by uv's questions to the index, within a limit of time. Answers are kept.
 * @returns what to say where some stay unknown
 */
export async function askIndex(
  unknown: WantedPackage[],
  settings: Settings,
  limitMs: number,
): Promise<string | undefined> {
  const file = join(settings.stateDir, "index-sizes.json");
  const { python, packageIndex } = settings.cudaBase;
  const keyOf = ({ name, version }: WantedPackage): string => `${name}==${version} py${python}`;
  const kept = await readKept(file);
  const open: WantedPackage[] = [];
  for (const one of unknown) {
    const answer = kept[keyOf(one)];
    if (answer && "bytes" in answer) one.bytes = answer.bytes;
    else if (!answer || Date.now() - answer.asked > patience) open.push(one);
  }
  if (open.length === 0) return undefined;
  const uv = await uvHere();
  if (uv === undefined) return "sizes of packages without one: there is no uv here to ask the index with";
  const signal = AbortSignal.timeout(limitMs);
  await Promise.all(
    inEight(open).map(async (group) => {
      const options = { uv, python, signal, ...(packageIndex && { index: { url: packageIndex } }) };
      const answers = await wheelsOf(group, options).catch(() => undefined);
      for (const one of group) {
        const wheel = answers?.get(one.name)?.find(({ sha256 }) => {
          return sha256 === undefined || one.marks.includes(hashMark(sha256)) || one.marks[0]?.includes("==");
        });
        if (wheel?.bytes !== undefined) one.bytes = wheel.bytes;
        kept[keyOf(one)] = one.bytes === undefined ? { asked: Date.now() } : { bytes: one.bytes };
      }
    }),
  );
  await mkdir(settings.stateDir, { recursive: true })
    .then(() => writeFileAtomic(file, JSON.stringify(kept)))
    .catch(() => {});
  return undefined;
}

/** As many groups as are asked at once. */
function inEight<T>(items: T[]): T[][] {
  const groups = Array.from({ length: Math.min(8, items.length) }, (): T[] => []);
  items.forEach((item, index) => groups[index % groups.length]!.push(item));
  return groups;
}

/** A uv that is there already: a preview installs nothing. */
async function uvHere(): Promise<string | undefined> {
  const own = join(envPaths("gpu-build-host", { suffix: "" }).cache, `uv-${uvVersion}`, "bin", "uv");
  if (
    await access(own).then(
      () => true,
      () => false,
    )
  )
    return own;
  const { exitCode } = await execa("uv", ["--version"], { reject: false, timeout: 1000 });
  return exitCode === 0 ? "uv" : undefined;
}

async function readKept(file: string): Promise<Kept> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Kept;
  } catch {
    return {};
  }
}
