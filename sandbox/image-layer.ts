import { createHash, type Hash } from "node:crypto";
import { createWriteStream, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { PassThrough } from "node:stream";
import { execa } from "execa";
import type { WorkOptions } from "./steps.ts";

/** One layer of an image, as a registry stores it. */
export interface Layer {
  /** Path of the compressed tar archive. */
  file: string;
  /** `sha256:…` of the compressed archive. */
  digest: string;
  /** `sha256:…` of the archive itself. */
  diffId: string;
  /** Bytes, compressed. */
  size: number;
}

/**
 * Packs a folder into a layer. The same files give the same digest: order, times and owners' names are fixed.
 *
 * @param exclude tar patterns, e.g. `"./dev/*"`.
 */
export async function packLayer(
  folder: string,
  file: string,
  exclude: string[] = [],
  { signal }: WorkOptions = {},
): Promise<Layer> {
  const tar = execa(
    "tar",
    [
      ...["--create", "--directory", folder, "--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"],
      ...exclude.map((pattern) => `--exclude=${pattern}`),
      ".",
    ],
    { stdout: "pipe", buffer: false, cancelSignal: signal },
  );
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  await Promise.all([
    pipeline(
      tar.stdout,
      hashing(plain),
      createGzip({ level: 1 }), // read once by one engine: small matters less than soon
      hashing(compressed),
      createWriteStream(file),
    ),
    tar,
  ]);
  return {
    file,
    digest: `sha256:${compressed.digest("hex")}`,
    diffId: `sha256:${plain.digest("hex")}`,
    size: statSync(file).size,
  };
}

function hashing(hash: Hash): PassThrough {
  return new PassThrough().on("data", (chunk: Buffer) => hash.update(chunk));
}
