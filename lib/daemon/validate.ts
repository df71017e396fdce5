import { mkdir, open, rm } from "node:fs/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { checkCandidate, type Candidate } from "./candidate-checks.ts";
import { validateArguments } from "./dockerd-flags.ts";
import { environmentOf } from "./dockerd-process.ts";
import type { ManagedDaemon } from "./identify.ts";
import { candidatePath } from "./ledger-file.ts";

/**
 * Asks the running daemon's own program whether it would take a daemon.json, with the flags and environment that it runs
 * with, after checking what `dockerd --validate` lets pass.
 * @throws UserError with dockerd's own words.
 */
export async function validateCandidate(
  daemon: ManagedDaemon,
  wanted: Candidate,
  folder: string,
): Promise<void> {
  const { text } = wanted;
  await checkCandidate(daemon, wanted);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = candidatePath(folder, daemon.file);
  // Without a name before anything is in it: it may hold a proxy's password, and this may be killed.
  const file = await open(path, "w+", 0o600);
  const candidate = `/proc/${process.pid}/fd/${file.fd}`;
  try {
    await rm(path, { force: true });
    await file.writeFile(text);
    const words = await refusalOf(daemon, candidate);
    if (words !== undefined)
      throw new UserError(
        `dockerd would refuse ${daemon.file}, so it was not touched: ${words.replaceAll(candidate, daemon.file)}`,
      );
  } finally {
    await file.close();
  }
}

/** The words with which the running daemon's own program refuses a daemon.json; undefined where it takes it. It only reads. */
export async function refusalOf(
  { process: dockerd }: ManagedDaemon,
  file: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const result = await execa(`/proc/${dockerd.pid}/exe`, validateArguments(dockerd.args, file), {
    argv0: "dockerd", // it looks at its name
    env: await environmentOf(dockerd.pid),
    extendEnv: false,
    cwd: `/proc/${dockerd.pid}/cwd`,
    ...(signal && { cancelSignal: signal }),
    timeout: 15_000,
    reject: false,
    stdin: "ignore",
  });
  if (result.exitCode === 0) return undefined;
  return (result.stderr || result.shortMessage || "").trim().split("\n").at(-1);
}
