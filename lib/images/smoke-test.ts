import { statSync } from "node:fs";
import { PassThrough } from "node:stream";
import type { Engine } from "../docker/engine.ts";
import { UserError } from "../errors.ts";
import type { SmokeTest } from "./types.ts";

export interface SmokeOptions {
  engine: Engine;
  signal: AbortSignal;
  stack: string;
  /** Name of the image, for messages and the container's label. */
  image: string;
  /** Friendly tags that do not move where it fails. */
  tags: string[];
  /** Takes the values of secrets out of what is shown. */
  redact?: (text: string) => string;
}

const keptBytes = 8_000;

/**
 * Runs the command in the image: as the image's user, without network, its own entrypoint set aside, the folder read-only at
 * `/smoke-test`, with all GPUs where the engine has any. Throws a UserError with the command and its output when it fails.
 */
export async function runSmokeTest(
  reference: string,
  test: SmokeTest,
  options: SmokeOptions,
): Promise<{ seconds: number; gpu: boolean }> {
  const { engine, image, signal, redact = (text: string) => text } = options;
  const failure = (what: string): UserError =>
    new UserError(
      redact(failureText(image, test, what, output.text)) + whatNext(reference, test, gpu, options),
    );
  const gpu = (await engine.info()).gpus;
  if (test.folder !== undefined && !statSync(test.folder, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(`image "${image}": the smoke test's folder ${test.folder} does not exist`);
  const begin = Date.now();
  const docker = await engine.client();
  signal.throwIfAborted();
  const container = await docker.createContainer({
    Image: reference,
    Entrypoint: [test.command[0]!],
    Cmd: test.command.slice(1),
    Labels: { "gpu-build-host.stack": options.stack, "gpu-build-host.smoke-test": image },
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      ...(test.folder !== undefined && { Binds: [`${test.folder}:/smoke-test:ro`] }),
      ...(gpu && { DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] }),
    },
  });
  const limit = AbortSignal.timeout(test.timeoutSeconds * 1000);
  const stop = AbortSignal.any([signal, limit]);
  const output = new TailOfOutput();
  try {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    docker.modem.demuxStream(stream, output.stream, output.stream);
    await container.start();
    const ended = await Promise.race([
      container.wait() as Promise<{ StatusCode: number }>,
      whenAborted(stop),
    ]);
    if (signal.aborted) throw new UserError(`the smoke test of image "${image}" was stopped`);
    if (ended === "aborted") throw failure(`did not end within ${test.timeoutSeconds} s`);
    if (ended.StatusCode !== 0) throw failure(`failed with exit code ${ended.StatusCode}`);
    return { seconds: Math.round((Date.now() - begin) / 100) / 10, gpu };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw failure(`could not run: ${(error as Error).message}`);
  } finally {
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

function failureText(image: string, test: SmokeTest, what: string, output: string): string {
  const lines = output.trim().split("\n").slice(-20);
  const shown = lines.map((line) => `\n  ${line}`).join("");
  return `the smoke test of image "${image}" ${what}: ${test.command.join(" ")}${shown}`;
}

/** Where the new image is, the command that looks into it, and how to go on. */
function whatNext(
  reference: string,
  { folder }: SmokeTest,
  gpu: boolean,
  { engine, stack, tags }: SmokeOptions,
): string {
  const isUsual = engine.host === "unix:///var/run/docker.sock";
  const look = [
    isUsual ? "docker run" : `eval "$(npm run -s env -- --stack ${stack})" && docker run`,
    `--rm -it --network none --entrypoint sh${gpu ? " --gpus all" : ""}`,
    ...(folder === undefined ? [] : [`-v ${shellWord(`${folder}:/smoke-test:ro`)}`]),
    reference,
  ];
  return [
    "",
    `Its friendly tags stay where they were: ${tags.join(", ")}. The new image stays as ${reference}. Look into it:`,
    `  ${look.join(" ")}`,
    "Then mend the image or its test and run again: what did not change is not built again.",
  ].join("\n");
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function whenAborted(signal: AbortSignal): Promise<"aborted"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("aborted");
    signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
}

/** Keeps the end of what a container writes. */
class TailOfOutput {
  readonly stream = new PassThrough();
  text = "";

  constructor() {
    this.stream.setEncoding("utf8");
    this.stream.on("data", (chunk: string) => {
      this.text = (this.text + chunk).slice(-keptBytes);
    });
  }
}
