import { setTimeout as sleep } from "node:timers/promises";
import { withHostLock } from "../../lib/daemon/host-lock.ts";

// Child of host-lock.test.ts: takes the lock, says so, and keeps it until it is killed.
await withHostLock(process.argv[2]!, { stack: "child", waitMs: 0 }, async () => {
  console.log("held");
  await sleep(60_000);
});
