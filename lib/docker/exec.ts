import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import type { Engine } from "./engine.ts";

export interface ExecOptions {
  /** User in the container, e.g. `"nobody"`. */
  user: string;
  /** Folder in the container. */
  folder: string;
  signal?: AbortSignal;
  /** Gets each line of the output as it comes. */
  onLine?: (line: string) => void;
}

/**
 * Runs a shell script in a running container.
 *
 * @returns what it wrote to its output
 * @throws AbortError when it is stopped: the script then ends with the next line that it writes. Error with its last words where it does not end with 0.
 */
export async function execScript(
  engine: Engine,
  container: string,
  script: string,
  { user, folder, signal, onLine }: ExecOptions,
): Promise<string> {
  const docker = await engine.client();
  const exec = await docker.getContainer(container).exec({
    Cmd: ["/bin/sh", "-c", script],
    User: user,
    WorkingDir: folder,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({});
  const stop = () => stream.destroy();
  signal?.addEventListener("abort", stop);
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  const ended = new Promise<void>((resolve) => stream.once("close", resolve).once("end", resolve));
  const texts = Promise.all([linesOf(out, onLine), linesOf(err)]);
  await ended;
  out.end();
  err.end();
  const [output, words] = await texts;
  signal?.removeEventListener("abort", stop);
  signal?.throwIfAborted();
  const { ExitCode: exitCode } = await exec.inspect();
  if (exitCode !== 0)
    throw new Error(words.trim().split("\n").slice(-3).join("; ") || `exit code ${exitCode}`);
  return output;
}

async function linesOf(stream: PassThrough, onLine?: (line: string) => void): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    lines.push(line);
    onLine?.(line);
  }
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}
