import { statfs } from "node:fs/promises";

/** Bytes that the torch base needs while it is built: its layers and the unpacked wheels beside them. */
const needed = 12e9;

/** One line where the disk of the engine is too full for the bases. An engine in a virtual machine cannot be looked at. */
export async function diskProblem(dataRoot: string): Promise<string | undefined> {
  try {
    const disk = await statfs(dataRoot);
    const free = disk.bavail * disk.bsize;
    if (free >= needed) return undefined;
    return `${dataRoot} has ${gigabytes(free)} free, the CUDA bases need ${gigabytes(needed)} while they are built. Free some: docker system df, docker image prune`;
  } catch {
    return undefined;
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
