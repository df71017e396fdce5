import { mkdir, open, readFile, rm } from "node:fs/promises";
import { execa } from "execa";
import { UserError } from "../errors.ts";
import { checkCandidate, type Candidate } from "./candidate-checks.ts";
import { validateArguments } from "./dockerd-flags.ts";
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
    const environment = await readFile(`/proc/${daemon.process.pid}/environ`, "utf8");
    const result = await execa(
      `/proc/${daemon.process.pid}/exe`,
      validateArguments(daemon.process.args, candidate),
      {
        argv0: "dockerd", // it looks at its name
        env: Object.fromEntries(environment.split("\0").filter(Boolean).map(splitVariable)),
        extendEnv: false,
        cwd: `/proc/${daemon.process.pid}/cwd`,
        timeout: 15_000,
        reject: false,
        stdin: "ignore",
      },
    );
    if (result.exitCode === 0) return;
    const words = (result.stderr || result.shortMessage || "").replaceAll(candidate, daemon.file).trim();
    throw new UserError(
      `dockerd would refuse ${daemon.file}, so it was not touched: ${words.split("\n").at(-1)}`,
    );
  } finally {
    await file.close();
  }
}

function splitVariable(line: string): [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}
