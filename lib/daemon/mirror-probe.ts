import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { askTrusting, type Trust } from "../registry/ask-trusting.ts";

/**
 * Asks a mirror's `/v2/` before dockerd is told about it: dockerd passes over a dead mirror in silence, so nobody would see
 * that the cache does nothing. Waits for one that has just been started.
 * @param trust certificates beside the system's, as dockerd has them for this mirror
 * @throws UserError if there is no good answer within `waitMs`.
 */
export async function askMirror(
  mirror: string,
  waitMs: number,
  signal?: AbortSignal,
  trust?: Trust,
): Promise<void> {
  const url = `${mirror.replace(/\/$/, "")}/v2/`;
  const deadline = Date.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    const problem = await tryOnce(url, Math.max(500, Math.min(5_000, deadline - Date.now())), signal, trust);
    if (problem === undefined) return;
    if (Date.now() >= deadline || problem.final) {
      throw new UserError(
        `the mirror ${mirror} is not used: ${url} ${problem.text}; daemon.json was not touched`,
      );
    }
    await sleep(Math.min(300, Math.max(1, deadline - Date.now())), undefined, { signal });
  }
}

async function tryOnce(url: string, limitMs: number, signal?: AbortSignal, trust?: Trust) {
  const limit = AbortSignal.timeout(limitMs);
  try {
    const answer = await askTrusting(url, signal ? AbortSignal.any([signal, limit]) : limit, trust);
    if (answer.status === 200) return undefined;
    if (answer.status === 401)
      return {
        final: true,
        text: "asks for a login, which dockerd never sends to a mirror: remove the login",
      };
    if (answer.status === 404)
      return { final: true, text: "answers 404, so that is no registry: check host and port" };
    return { final: false, text: `answers ${answer.status}: see the registry's log` };
  } catch (error) {
    signal?.throwIfAborted();
    if (limit.aborted)
      return { final: false, text: `gave no answer in ${limitMs / 1000} s: see the registry's log` };
    const { code, message } = error as NodeJS.ErrnoException;
    const text =
      code === "ECONNREFUSED"
        ? "refuses the connection: is the registry running?"
        : `cannot be reached (${code ?? message})`;
    return { final: false, text };
  }
}
