import { randomInt } from "node:crypto";
import { isPortFree } from "../../sandbox/ports.ts";

/**
 * Ports of 127.0.0.1 that were free a moment ago: below those of sandboxes and below the kernel's own range, and drawn, so
 * that tests side by side do not take each other's.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 20_000);
    if (await isPortFree(port)) ports.add(port);
  }
  return [...ports];
}

/** One such port. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}
