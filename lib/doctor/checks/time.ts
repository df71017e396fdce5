import type { UpstreamAnswer } from "../upstream-answer.ts";
import { fail, ok, skip, warn, type CheckDefinition, type Outcome } from "../types.ts";

const setClock = "sudo timedatectl set-ntp true; without systemd: sudo ntpdate pool.ntp.org";

export const timeChecks: CheckDefinition[] = [
  {
    id: "time.clock",
    what: "This host's clock against the `Date` that the upstream registry sends.",
    fails: "more than 5 minutes apart: certificates then look expired or not yet valid",
    warns: "more than 30 s apart",
    limit: 15,
    run: async (facts) => {
      if (!facts.started) return skip("the sandbox has never been started");
      return judgeClock(await facts.upstream(facts.settings.registryCache.upstream), Date.now());
    },
  },
];

/** @param now this host's clock, in milliseconds since 1970 */
export function judgeClock(answer: UpstreamAnswer, now: number): Outcome {
  if (answer.date === undefined) return skip("the upstream told no time");
  const seconds = Math.round(Math.abs(now - answer.date) / 1000);
  const line = `the clock is ${duration(seconds)} ${now > answer.date ? "ahead" : "behind"}`;
  if (seconds > 300) return fail(`${line}: certificates look expired or not yet valid (x509)`, setClock);
  return seconds > 30 ? warn(line, setClock) : ok(`within ${seconds} s of the upstream's`);
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86_400)} days`;
}
