import { applyConfig, releaseConfig } from "../../lib/daemon/apply.ts";

// Child of killed-child.ts: does one run and kills itself, as SIGKILL from outside would, at its n-th step.
const { action, wish, ledgerFolder, killAt } = JSON.parse(process.argv[2]!);
let steps = 0;
const manner = {
  ledgerFolder,
  log: () => undefined,
  onStep: (step: string) => {
    if (++steps !== killAt && step !== killAt) return;
    process.stdout.write(step);
    process.kill(process.pid, "SIGKILL");
    return new Promise<void>(() => undefined);
  },
};
void (action === "apply" ? applyConfig(wish, manner) : releaseConfig(wish, manner));
