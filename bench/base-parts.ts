import { mkdirSync, rmSync } from "node:fs";
import envPaths from "env-paths";
import { findUv } from "../lib/locks/uv.ts";
import { diskSettles, run, type Ground } from "./ground.ts";
import type { BaseParts } from "./result.ts";
import type { CudaSet } from "./workload.ts";

/**
 * Does what the torch base cannot do without, each part alone and on the bare machine, in seconds: the packages are downloaded,
 * copied with their bytecode into a folder until the disk has them (a step of a build ends so), and read as the layer that
 * they make.
 */
export async function measureBaseParts(
  ground: Ground,
  { lock }: CudaSet,
): Promise<Pick<BaseParts, "download" | "copy" | "export">> {
  const uv = await findUv(envPaths("gpu-build-host", { suffix: "" }).cache);
  const folder = ground.workspace.path("parts");
  mkdirSync(folder);
  const locks = ["nvidia", "torch", "python"].map((name) => `cuda-base/locks/${lock}/${name}.lock`);
  const toDisk = () => diskSettles(ground, "parts");
  const install = (target: string) =>
    secondsOf(async () => {
      await run(
        ground,
        uv,
        [
          ...[
            "pip",
            "install",
            "--quiet",
            "--no-config",
            "--no-deps",
            "--require-hashes",
            "--link-mode",
            "copy",
          ],
          ...["--python-version", "3.11", "--compile-bytecode", "--target", `parts/${target}`],
          ...locks.flatMap((file) => ["-r", file]),
        ],
        { UV_CACHE_DIR: "parts/cache", HTTP_PROXY: ground.line.proxy, HTTPS_PROXY: ground.line.proxy },
      );
      await toDisk();
    });
  try {
    await toDisk(); // what the base's build has left to write is not ours
    const both = await install("first");
    const copy = await install("second");
    const layer = await secondsOf(() =>
      run(ground, "sh", ["-c", "tar --create --directory parts/second . | sha256sum"]),
    );
    return { download: both - copy, copy, export: layer };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
