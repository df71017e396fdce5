import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { remoteBytes } from "../proxy/remote-bytes.ts";
import { normalName } from "./lock-text.ts";

/** What has to be known to tell which file of a package is taken. */
export interface WheelOptions {
  /** Path of uv. */
  uv: string;
  /** Python of the image, e.g. `"3.10"`. */
  python: string;
  /** Index of versions with a local part (`2.7.1+cu128`); all else comes from the client's own default. */
  index?: { url: string };
  signal?: AbortSignal;
}

/** A file that an index or a URL offers for a package. */
export interface Wheel {
  url: string;
  sha256?: string;
  /** Bytes; undefined where the index does not say. */
  bytes?: number;
}

/** Packages of one question; a file that uv cannot find would spoil the answer for its neighbours. */
const perQuestion = 40;

/**
 * The files that Linux on x86_64 would take of each package, best first, by package name. uv asks the index, for
 * metadata only; what it cannot find out is left out.
 */
export async function wheelsOf(
  packages: { name: string; version: string }[],
  options: WheelOptions,
): Promise<Map<string, Wheel[]>> {
  const found = new Map<string, Wheel[]>();
  for (const { name, version } of packages.filter(({ version }) => version.includes("://")))
    found.set(name, [{ url: version, ...(await headBytes(version, options.signal)) }]);
  const indexed = packages.filter(({ version }) => !version.includes("://"));
  const isLocal = ({ version }: { version: string }): boolean => version.includes("+");
  const groups = [
    ...inGroups(indexed.filter((one) => !isLocal(one))).map((group) => ({ group, url: undefined })),
    ...inGroups(indexed.filter(isLocal)).map((group) => ({ group, url: options.index?.url })),
  ];
  await eachAtOnce(groups, 8, async ({ group, url }) => {
    for (const [name, wheels] of await askGroup(group, url, options)) found.set(name, wheels);
  });
  return found;
}

function inGroups<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / perQuestion) }, (_, at) =>
    items.slice(at * perQuestion, (at + 1) * perQuestion),
  );
}

/** One question; where it fails, each half alone, so that one unknown package costs only itself. */
async function askGroup(
  group: { name: string; version: string }[],
  url: string | undefined,
  options: WheelOptions,
): Promise<Map<string, Wheel[]>> {
  const answer = await askUv(group, url, options);
  if (answer instanceof Map) return answer;
  if (group.length === 1 || answer === "away" || options.signal?.aborted) return new Map();
  const middle = group.length >> 1;
  const halves = [group.slice(0, middle), group.slice(middle)];
  const answers = [];
  for (const half of halves) answers.push(await askGroup(half, url, options));
  return new Map(answers.flatMap((half) => [...half]));
}

async function askUv(
  group: { name: string; version: string }[],
  url: string | undefined,
  { uv, python, signal }: WheelOptions,
): Promise<Map<string, Wheel[]> | "away" | "refused"> {
  const folder = await mkdtemp(join(tmpdir(), "gpu-build-host-sizes-"));
  try {
    const lines = group.map(({ name, version }) => `${name}==${version}\n`);
    await writeFile(join(folder, "in.txt"), lines.join(""));
    const args = [
      "pip",
      "compile",
      "in.txt",
      "--no-deps",
      "--output-file",
      "pylock.toml",
      "--format",
      "pylock.toml",
    ];
    args.push("--python-version", python, "--python-platform", "x86_64-manylinux_2_28");
    args.push("--no-header", "--quiet", "--no-config", "--system-certs", "--no-python-downloads");
    if (url !== undefined) args.push("--default-index", url);
    const { exitCode, stderr } = await execa(uv, args, {
      cwd: folder,
      env: {
        UV_CONSTRAINT: undefined,
        UV_BUILD_CONSTRAINT: undefined,
        UV_HTTP_RETRIES: "1",
        UV_HTTP_TIMEOUT: "10",
      },
      stdin: "ignore",
      reject: false,
      ...(signal && { cancelSignal: signal }),
    });
    if (exitCode !== 0)
      return /error sending request|failed to fetch|timed out|client error/i.test(stderr)
        ? "away"
        : "refused";
    const found = readPylock(await readFile(join(folder, "pylock.toml"), "utf8"));
    for (const wheel of [...found.values()].flat())
      if (wheel.bytes === undefined) Object.assign(wheel, await headBytes(wheel.url, signal));
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Files by package in a `pylock.toml` of uv: the wheel that fits best first, the source last. Read line by line: uv writes
 * each file as one inline table.
 */
export function readPylock(text: string): Map<string, Wheel[]> {
  const found = new Map<string, Wheel[]>();
  let files: Wheel[] = [];
  for (const line of text.split("\n")) {
    const name = /^name = "([^"]+)"/.exec(line)?.[1];
    if (name !== undefined) found.set(normalName(name), (files = []));
    for (const [table] of line.matchAll(/\{ url = "[^"]+".*?hashes = \{[^}]*\} ?\}/g)) {
      const bytes = /\bsize = (\d+)/.exec(table)?.[1];
      const sha256 = /sha256 = "([0-9a-f]{64})"/.exec(table)?.[1];
      files.push({
        url: /url = "([^"]+)"/.exec(table)![1]!,
        ...(sha256 && { sha256 }),
        ...(bytes && { bytes: Number(bytes) }),
      });
    }
  }
  return new Map([...found].map(([key, wheels]) => [key, [...wheels].sort((a, b) => rank(b) - rank(a))]));
}

/** How well a file fits: a wheel of this platform before one of any, the newer C library first; a source is the last resort. */
function rank({ url }: Wheel): number {
  if (!url.endsWith(".whl")) return -1;
  const glibc = [...url.matchAll(/manylinux_2_(\d+)_x86_64/g)].map((match) => Number(match[1]));
  return Math.max(url.includes("manylinux") || url.includes("linux_x86_64") ? 1 : 0, ...glibc);
}

/** Size by a question for the head alone; nothing where the server does not say. */
async function headBytes(url: string, signal?: AbortSignal): Promise<{ bytes?: number }> {
  const bytes = await remoteBytes(url, { timeoutMs: 3_000, signal });
  return bytes === undefined ? {} : { bytes };
}

async function eachAtOnce<T>(items: T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
