import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RealImages, root, runtime } from "./real-images.ts";

const project = `gbh-test-${process.pid}`;
const run = ["--file", "services/compose.yaml", "--file", "services/compose.sandbox.yaml"];
const build = ["--env-file", "services/sandbox.env", "--file", "services/compose.build.yaml"];
const models = join(root, "services/whisperx/smoke-test");

describe("the services with docker compose and buildx bake, without Pulumi", function () {
  this.timeout(20 * 60_000);
  let images: RealImages;
  let port: number;
  let scratch: string;
  const compose = (args: string[]) =>
    images.docker(["compose", "--project-name", project, ...args], {
      cwd: root,
      env: { WHISPERX_PORT: String(port), CU: project },
    });

  before(async () => {
    images = await RealImages.open();
    port = await freePort();
    scratch = mkdtempSync(join(tmpdir(), "gpu-build-host-compose-"));
  });

  after(async () => {
    await compose([...run, "down", "--volumes", "--timeout", "20"]);
    for (const name of ["ai-api-base", "whisperx"])
      await images.docker(["image", "rm", "--force", `${name}:${project}`]);
    for (const name of ["runtime", "devel", "whisperx", "infinitetalk"])
      await images.docker(["image", "rm", "--force", `${project}:${name}`]);
    rmSync(scratch, { recursive: true, force: true });
    await images.close();
  });

  it("runs WhisperX, which transcribes a generated clip with a tiny model from a volume that its user can write", async () => {
    const make =
      "python3 -B /smoke-test/tiny_model.py /models/whisper && python3 -B /smoke-test/clip.py /models/clip.wav && id -u";
    const made = await compose([
      ...run,
      "run",
      "--rm",
      "--no-deps",
      "-T",
      "--volume",
      `${models}:/smoke-test:ro`,
      "whisperx",
      "sh",
      "-c",
      make,
    ]);
    assert.match(made, /10001/);
    await compose([...run, "up", "--detach", "--wait", "whisperx"]);
    const container = (await compose([...run, "ps", "--quiet", "whisperx"])).trim();
    await images.docker(["cp", `${container}:/models/clip.wav`, `${scratch}/clip.wav`]);

    const form = new FormData();
    form.append("file", new Blob([readFileSync(join(scratch, "clip.wav"))]), "clip.wav");
    const response = await fetch(`http://127.0.0.1:${port}/transcribe`, { method: "POST", body: form });
    const answer = (await response.json()) as {
      duration: number;
      segments: { start: number; end: number; text: string }[];
      seconds: number;
    };
    assert.equal(response.status, 200, JSON.stringify(answer));
    assert.equal(answer.duration, 20);
    const [first, last] = [answer.segments[0]!, answer.segments.at(-1)!];
    assert.ok(
      Math.abs(first.start - 2) < 0.5 && Math.abs(last.end - 18) < 0.5,
      `speech from ${first.start} to ${last.end} s`,
    );
    console.log(`      20 s of audio in ${answer.seconds} s, speech from ${first.start} to ${last.end} s`);
  });

  it("builds the same folders with docker compose build", async () => {
    await compose([...build, "build", "ai-api-base", "whisperx"]);
    const base = await images.layers(runtime);
    for (const name of ["ai-api-base", "whisperx"])
      assert.deepEqual(
        (await images.layers(`${name}:${project}`)).slice(0, base.length),
        base,
        `${name} stands on ${runtime}`,
      );
  });

  it("builds bases and services with docker buildx bake, in the order that the contexts give", async () => {
    const values = readFileSync(join(root, "services/sandbox.env"), "utf8").matchAll(/^(\w+)=(.*)$/gm);
    const env = Object.fromEntries([...values].map(([, key, value]) => [key!, value!]));
    const tags = {
      "cuda-base-runtime": "runtime",
      "cuda-base-devel": "devel",
      whisperx: "whisperx",
      infinitetalk: "infinitetalk",
    };
    const files = ["--file", "services/compose.build.yaml", "--file", "services/docker-bake.hcl"];
    const own = Object.entries(tags).flatMap(([target, tag]) => [
      "--set",
      `${target}.tags=${project}:${tag}`,
    ]);
    await images.docker(["buildx", "bake", "--builder", "default", ...files, ...own, ...Object.keys(tags)], {
      cwd: root,
      env,
    });
    const base = await images.layers(`${project}:runtime`);
    for (const name of ["devel", "whisperx", "infinitetalk"])
      assert.deepEqual(
        (await images.layers(`${project}:${name}`)).slice(0, base.length),
        base,
        `${name} stands on the base`,
      );
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
