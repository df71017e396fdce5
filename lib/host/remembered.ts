import { realpathSync, readFileSync, statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { askNvidia, wslNvidiaSmi, type NvidiaAnswer } from "./nvidia.ts";

/**
 * nvidia-smi's answer, asked once in a boot: it takes up to seconds. Only a good answer is remembered, and only while
 * everything that could spoil it is as it was: the boot, the kernel module, the program, the library.
 * @param folder where it is written down
 */
export async function rememberedNvidia(
  folder: string,
  env: NodeJS.ProcessEnv = process.env,
  ask: () => Promise<NvidiaAnswer> = () => askNvidia(env),
): Promise<NvidiaAnswer> {
  const program = programOn(env["PATH"] ?? "", "nvidia-smi") ?? (stampOf(wslNvidiaSmi) && wslNvidiaSmi);
  if (!program) return ask(); // costs nothing: there is nothing to start
  const file = join(folder, "host-facts.json");
  const key = nvidiaKey(program);
  const before = await readKept(file);
  if (before?.key === key) return before.answer;
  const answer = await ask();
  if (answer.state === "ok") await write(file, { key, answer });
  return answer;
}

interface Kept {
  key: string;
  answer: NvidiaAnswer;
}

/** Changes with what an answer holds, so that an older one is asked for again. */
const form = "with compute capabilities";

const libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib"];

/** Changes whenever the driver or its programs may have. */
function nvidiaKey(program: string): string {
  const library = libraries.map((folder) => join(folder, "libnvidia-ml.so.1")).find((path) => stampOf(path));
  return JSON.stringify([
    form,
    textOf("/proc/sys/kernel/random/boot_id"),
    textOf("/proc/driver/nvidia/version"),
    program,
    stampOf(program),
    library && stampOf(library),
  ]);
}

/** Real path, size and time of a file; undefined where there is none. */
function stampOf(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    const { size, mtimeMs, ino } = statSync(real);
    return `${real} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

function programOn(path: string, name: string): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((candidate) => stampOf(candidate));
}

async function readKept(file: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Kept;
  } catch {
    return undefined;
  }
}

/** It may not be writable for this user: then it is asked each time. */
async function write(file: string, kept: Kept): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, `${JSON.stringify(kept)}\n`);
  } catch {
    // the answer itself is good
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
