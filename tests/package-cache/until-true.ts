import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something holds. @throws after `seconds`. */
export async function untilTrue(seconds: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not so after ${seconds} s: ${holds.toString()}`);
    await sleep(250);
  }
}
