import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { silent, type WorkOptions } from "../steps.ts";
import { ensureFolder } from "../user-cache.ts";
import { registry } from "./go-programs.ts";

/** Thrown to leave `ensureFolder` with nothing made. */
class Unreachable extends Error {}

/**
 * Brings the release of distribution's registry into `folder`.
 *
 * @returns why it cannot be had, instead of throwing, when its site does not answer.
 */
export async function downloadRegistry(
  folder: string,
  options: WorkOptions = {},
): Promise<{ folder: string } | { unreachable: string }> {
  try {
    return { folder: await ensureFolder(folder, (temporary) => download(temporary, options), options) };
  } catch (error) {
    if (error instanceof Unreachable) return { unreachable: error.message };
    throw error;
  }
}

async function download(folder: string, options: WorkOptions): Promise<void> {
  (options.onStep ?? silent)({ name: `registry ${registry.version}`, detail: "downloading its release" });
  const arch = { x64: "amd64" }[process.arch as string] ?? process.arch;
  const url = `https://github.com/distribution/distribution/releases/download/v${registry.version}/registry_${registry.version}_linux_${arch}.tar.gz`;
  const scratch = join(folder, "download");
  mkdirSync(scratch);
  const archive = join(scratch, basename(url));
  // The small file first: it tells quickly whether the site can be reached at all.
  await fetchFile(`${url}.sha256`, `${archive}.sha256`, 10, options.signal);
  await fetchFile(url, archive, 300, options.signal);
  const wanted = readFileSync(`${archive}.sha256`, "utf8").trim().split(/\s+/)[0];
  const found = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (wanted !== found)
    throw new UserError(`${url} is damaged: its SHA-256 is ${found}, not ${wanted}: start again.`);
  await execa("tar", ["--extract", "--gzip", "--file", archive, "--directory", folder, "registry"], {
    cancelSignal: options.signal,
  });
  if (!existsSync(join(folder, "registry"))) throw new UserError(`${url} holds no file named registry.`);
  chmodSync(join(folder, "registry"), 0o755);
  rmSync(scratch, { recursive: true });
}

async function fetchFile(
  url: string,
  file: string,
  limitSeconds: number,
  signal?: AbortSignal,
): Promise<void> {
  const args = [
    "--fail",
    "--silent",
    "--show-error",
    "--location",
    "--proto",
    "=https",
    "--connect-timeout",
    "3",
  ];
  const answer = await execa("curl", [...args, "--max-time", String(limitSeconds), "--output", file, url], {
    reject: false,
    stdin: "ignore",
    cancelSignal: signal,
  });
  signal?.throwIfAborted();
  if (answer.failed)
    throw new Unreachable(
      answer.code === "ENOENT"
        ? "curl is not installed"
        : (answer.stderr || answer.shortMessage || "").replace(/^curl: /, "").trim(),
    );
}
