import { availableParallelism, freemem } from "node:os";
import { diskRoom, neededForBases } from "../host/disk.ts";

/** Bytes of memory for one build with its smoke test: a compiler for CUDA or a small model in use take about as much. */
const memoryOfBuild = 4 * 1024 ** 3;

/** What builds share. */
export interface BuildRoom {
  cores: number;
  /** Bytes of memory that are free or can be made free. */
  memory: number;
  /** Free bytes on the engine's disk; undefined where it cannot be looked at. */
  disk?: number | undefined;
}

/** How many builds may run side by side: one a core, and no more than memory and disk hold; at least one. */
export function safeParallel({ cores, memory, disk = Infinity }: BuildRoom): number {
  const most = Math.min(cores, memory / memoryOfBuild, disk / neededForBases);
  return Math.max(1, Math.floor(most));
}

/** What this machine has to share just now. @param dataRoot folder of the engine, e.g. `"/var/lib/docker"` */
export async function roomFor(dataRoot: string): Promise<BuildRoom> {
  const disk = (await diskRoom(dataRoot))?.free;
  return { cores: availableParallelism(), memory: freemem(), disk };
}

/** Lets only so many builds of a run work at once; the rest wait in line. */
export class BuildSlots {
  private running = 0;
  private readonly line: (() => void)[] = [];
  private limit: Promise<number> | undefined;

  /**
   * Does `work` when its turn has come.
   *
   * @param limitOf asked once, by the first: how many may work at once
   * @param onWait called with that limit when somebody has to wait
   */
  async hold<T>(
    limitOf: () => Promise<number>,
    { signal, onWait }: { signal: AbortSignal; onWait?: (limit: number) => void },
    work: () => Promise<T>,
  ): Promise<T> {
    const limit = await (this.limit ??= limitOf());
    if (this.running >= limit) {
      onWait?.(limit);
      await this.turn(signal); // whoever ends hands its place over
    } else this.running++;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.line.shift();
      if (next) next();
      else this.running--;
    }
  }

  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.line.splice(this.line.indexOf(next), 1);
        reject(signal.reason as Error);
      };
      this.line.push(next);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
