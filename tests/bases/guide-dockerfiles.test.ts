import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import prettyBytes from "pretty-bytes";
import { cuda, devel, python, RealImages, runtime } from "./real-images.ts";

/** What the guide's text leaves to the reader, or has wrong. */
const substitutions: [RegExp, string][] = [
  [/(^[^#\n]*\S) +# .*$/gm, "$1"], // a comment at a line's end is an argument to Docker
  [/12\.8/g, cuda],
  [/python3\.10/g, `python${python}`],
  [/flash-attention/g, "einops"], // on PyPI another project's package; flash-attn itself needs a GPU machine's compiler
  [/package==1\.0\.0/g, "iniconfig==2.0.0"],
  [/package-name/g, "iniconfig"],
  [/runtime-package/g, "iniconfig"],
];
const builder = "FROM cuda-base:devel-12.8 AS builder\nRUN pip3 install flash-attention xformers\n";
const base = "FROM cuda-base:runtime-12.8\n";

const name = (tag: string) => `localhost:1/guide-test/${tag}`;

describe("the guide's Dockerfiles on the real base", function () {
  this.timeout(20 * 60_000);
  let images: RealImages;
  let context: string;
  const built: string[] = [];
  let pins: string[];
  let torchOfBase: string;

  before(async () => {
    images = await RealImages.open();
    context = mkdtempSync(join(tmpdir(), "gpu-build-host-guide-"));
    writeFileSync(join(context, "requirements.txt"), "tabulate==0.9.0\n");
    writeFileSync(join(context, "main.py"), "print('hello')\n");
    torchOfBase = await torchIn(runtime);
    pins = (await Promise.all([runtime, devel].map(withCertificates))).flatMap((pin) => [
      "--build-context",
      pin,
    ]);
  });

  after(async () => {
    for (const image of built.reverse()) await images.docker(["image", "rm", "--force", image]);
    rmSync(context, { recursive: true, force: true });
    await images.close();
  });

  /** The guide's fragments have no secret: where HTTPS needs this machine's certificates, the base gets them as a company's would. */
  async function withCertificates(image: string): Promise<string> {
    const bundle = process.env["SSL_CERT_FILE"];
    if (!bundle) return `${image}=docker-image://${image}`;
    const tag = name(image.replaceAll(/[^a-z0-9]+/g, "-"));
    const folder = mkdtempSync(join(tmpdir(), "gpu-build-host-certificates-"));
    copyFileSync(bundle, join(folder, "bundle.crt"));
    writeFileSync(
      join(folder, "Dockerfile"),
      `FROM ${image}\nCOPY bundle.crt /etc/ssl/certs/ca-certificates.crt\n`,
    );
    await images.build(folder, ["--tag", tag]);
    rmSync(folder, { recursive: true });
    built.push(tag);
    return `${image}=docker-image://${tag}`;
  }

  async function build(
    fragment: string,
    { before = "", tag = fragment, more = [] as string[] } = {},
  ): Promise<string> {
    const text = readFileSync(join(import.meta.dirname, "guide", `${fragment}.Dockerfile`), "utf8");
    return buildText(before + text, tag, more);
  }

  async function buildText(text: string, tag: string, more: string[] = []): Promise<string> {
    const dockerfile = join(context, "..", `${tag}-${process.pid}.Dockerfile`);
    writeFileSync(
      dockerfile,
      substitutions.reduce((result, [from, to]) => result.replaceAll(from, to), text),
    );
    try {
      await images.build(context, ["--file", dockerfile, "--tag", name(tag), ...pins, ...more]);
    } finally {
      rmSync(dockerfile);
    }
    built.push(name(tag));
    return name(tag);
  }

  /** What torch says of itself in an image. */
  const torchIn = (image: string) =>
    images.run(image, [
      "python3",
      "-c",
      "import torch, torchvision; print(torch.__version__, torch.__file__, torch.ops.torchvision.nms)",
    ]);

  /** torch is the base's, by version, by place and by layer. */
  async function assertTorchUnchanged(image: string): Promise<void> {
    const said = await torchIn(image);
    assert.equal(said, torchOfBase);
    assert.match(said, /^2\.7\.1\+cu126 \/opt\/base\/site\/torch/);
    const layers = await images.layers(runtime);
    assert.deepEqual(
      (await images.layers(image)).slice(0, layers.length),
      layers,
      "the base's layers are shared",
    );
  }

  it("builds the runtime example: whisperx, fastapi, uvicorn", async () => {
    const image = await build("1-runtime");
    await assertTorchUnchanged(image);
    const found = await images.run(image, [
      "python3",
      "-c",
      "import whisperx.asr, fastapi, uvicorn; print(open('/app/main.py').read())",
    ]);
    assert.match(found, /hello/);
  });

  it("builds the multi-stage example, whose COPY of dist-packages stores less than 0.5 GB", async () => {
    const image = await build("2-multi-stage");
    await assertTorchUnchanged(image);
    await images.run(image, ["python3", "-c", "import xformers.ops, einops"]);
    const history = await images.docker([
      "history",
      "--human=false",
      "--no-trunc",
      "--format",
      "{{.Size}}\t{{.CreatedBy}}",
      image,
    ]);
    const copy = history.split("\n").find((line) => line.includes("COPY /usr/local/lib/python"));
    const bytes = Number(copy?.split("\t")[0]);
    console.log(`      COPY of dist-packages stores ${prettyBytes(bytes)}`);
    assert.ok(bytes > 1e6 && bytes < 0.5e9, `${bytes} bytes`);
  });

  it("builds both layer orders", async () => {
    for (const fragment of ["3-good-order", "4-bad-order"]) {
      const image = await build(fragment);
      await assertTorchUnchanged(image);
      await images.run(image, ["python3", "-c", "import tabulate"]);
    }
  });

  it("builds the one layer and the three layers", async () => {
    for (const fragment of ["5-one-layer", "6-three-layers"]) {
      const image = await build(fragment, { before: base });
      await assertTorchUnchanged(image);
      assert.match(await images.run(image, ["pip3", "list"]), /fastapi +0\.109\.0[\s\S]*uvicorn +0\.27\.0/);
    }
  });

  it("builds the lines on --no-cache-dir and on dependencies of the runtime stage", async () => {
    await assertTorchUnchanged(await build("7-no-cache-dir", { before: base }));
    const image = await build("8-runtime-dependencies", { before: builder });
    await assertTorchUnchanged(image);
    await images.run(image, ["python3", "-c", "import xformers, iniconfig"]);
  });

  it("builds the custom base, and a service on it", async () => {
    const image = await build("9-ai-api-base", { tag: "ai-api-base" });
    const service = await buildText("FROM ai-api-base:latest\nCOPY . /app\n", "on-ai-api-base", [
      "--build-context",
      `ai-api-base:latest=docker-image://${image}`,
    ]);
    await assertTorchUnchanged(service);
    assert.match(
      await images.run(service, ["python3", "-c", "import pydantic; print(pydantic.VERSION)"]),
      /2\.5\.3/,
    );
  });

  it("refuses to replace torch, and names the base's version", async () => {
    await assert.rejects(
      () => buildText(`${base}RUN pip3 install torch==2.8.0\n`, "other-torch"),
      (error: Error) => /torch==2\.7\.1|constraint/i.test(error.message),
    );
  });
});
