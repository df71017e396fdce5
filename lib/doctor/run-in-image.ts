import { engineRequest, socketOf } from "../docker/request.ts";
import { runBriefly } from "../host/run-briefly.ts";
import type { Facts } from "./types.ts";

/** What a command said in a container of an image; `exitCode` is -1 where it did not end in time or could not start. */
export interface ImageRun {
  exitCode: number;
  output: string;
}

/** Runs a shell command in a container without network that is gone afterwards, whatever happens. */
export async function runInImage(
  facts: Facts,
  reference: string,
  script: string,
  options: { signal: AbortSignal; seconds: number; gpus?: boolean },
): Promise<ImageRun> {
  const name = `gpu-build-host-doctor-${process.pid}-${Date.now().toString(36)}`;
  const args = [
    "run",
    "--rm",
    "--name",
    name,
    "--network",
    "none",
    "--pull",
    "never",
    "--tmpfs",
    "/tmp",
    "--user",
    "0:0",
  ];
  const label = ["--label", "gpu-build-host.role=doctor"];
  const gpus = options.gpus ? ["--gpus", "all"] : [];
  const run = await runBriefly(
    "docker",
    [...args, ...label, ...gpus, "--entrypoint", "/bin/sh", reference, "-c", script],
    { env: facts.env, timeoutMs: options.seconds * 1000, signal: options.signal },
  );
  if (run.state === "ended") return { exitCode: run.exitCode, output: run.stdout || run.stderr };
  // The docker command is gone, its container is not.
  const path = `/containers/${name}`;
  await engineRequest(socketOf(facts.settings.engine.host), {
    method: "DELETE",
    path,
    query: { force: true, v: true },
    timeoutMs: 10_000,
  }).catch(() => undefined);
  return {
    exitCode: -1,
    output: run.state === "missing" ? "docker is not on PATH" : `no end in ${options.seconds} s`,
  };
}
