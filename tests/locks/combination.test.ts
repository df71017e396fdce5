import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { combinationOf } from "../../lib/locks/combination.ts";
import { settingsBeforeStart } from "../../lib/settings/load.ts";
import { parseSettings, type Settings } from "../../lib/settings/settings.ts";

const repository = join(import.meta.dirname, "..", "..");
const ofStack = (stack: string) =>
  combinationOf(settingsBeforeStart(repository, stack, "unix:///run/none.sock"));

describe("combinationOf", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "gpu-build-host-pins-"));
    for (const kind of ["runtime", "devel"])
      write(`cuda-base/Dockerfile.${kind}`, "FROM nvidia/cuda:12.8.1-base-ubuntu22.04\n");
  });

  afterEach(() => rmSync(root, { recursive: true }));

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  function settings(args: Record<string, string> = {}): Settings {
    return parseSettings({
      stack: "dev",
      root,
      stateDir: join(root, "state"),
      file: "Pulumi.dev.yaml",
      values: { services: { a: { context: "a", args } } },
      readSandboxFacts: () => assert.fail("no sandbox here"),
    });
  }

  /** Pins of the service `a` with this Dockerfile, as `"torch 2.8.0 a/Dockerfile:2"`. */
  async function pinsOf(dockerfile: string, args?: Record<string, string>): Promise<string[]> {
    write("a/Dockerfile", dockerfile);
    const { combination } = await combinationOf(settings(args));
    return combination.pins["a"]!.map(({ name, version, from }) => `${name} ${version} ${from}`);
  }

  it("reads the stacks of this project: their locks, each pin with its line", async () => {
    const { combination, missing } = await ofStack("dev");
    assert.deepEqual(missing, []);
    const pin = (image: string, name: string) => combination.pins[image]?.find((one) => one.name === name);
    assert.equal(pin("cuda-base-runtime", "torch")?.version, "2.7.1+cu128");
    assert.equal(pin("cuda-base-devel", "torch")?.version, "2.7.1+cu128");
    assert.equal(pin("whisperx", "torch")?.version, "2.7.1+cu128");
    assert.equal(pin("whisperx", "whisperx")?.version, "3.7.3");
    assert.match(
      pin("whisperx", "whisperx")!.from,
      /^services\/whisperx\/locks\/torch2\.7\.1-cu128-py310\.lock:\d+$/,
    );
    assert.equal(pin("whisperx", "numpy")?.version, "2.0.2");
    assert.match(pin("infinitetalk", "numpy")!.version, /^1\./); // its own wins over the base's
    const { version, python } = pin("infinitetalk", "flash-attn")!;
    assert.deepEqual([version, python], ["2.8.0.post2+cu12torch2.7cxx11abiTRUE", "3.10"]);
    // Of stages that leave nothing in the image: the installer's uv, NLTK's carrier.
    assert.equal(pin("cuda-base-runtime", "uv"), undefined);
    assert.equal(pin("whisperx", "llama-index-core"), undefined);
    assert.equal(combination.environment?.["whisperx"]?.["NLTK_DATA"], "/opt/nltk");
    assert.equal(combination.environment?.["whisperx"]?.["TORCH_HOME"], "/cache/torch");
  });

  it("takes no flash-attn where the stack builds without it", async () => {
    const { combination } = await ofStack("sandbox");
    assert.equal(
      combination.pins["infinitetalk"]!.some(({ name }) => name === "flash-attn"),
      false,
    );
    assert.equal(
      combination.pins["infinitetalk"]!.some(({ name }) => name === "xformers"),
      true,
    );
  });

  it("reads pip and uv in Dockerfiles of one's own, with the line", async () => {
    const text =
      "ARG TORCH\nFROM python:3.10\nARG TORCH=2.8.0 EXTRA\nENV WHISPER=3.7.3\nRUN pip3 install --no-cache-dir \\\n    fastapi==0.109.0 \\\n    'torch==$X' torch==${TORCH} uvicorn>=0.2\nRUN uv pip install whisperx==$WHISPER && python3 -m pip install numpy==1.26.4\n";
    assert.deepEqual(await pinsOf(text), [
      "fastapi 0.109.0 a/Dockerfile:6",
      "numpy 1.26.4 a/Dockerfile:8",
      "torch 2.7.1 a/Dockerfile:7",
      "whisperx 3.7.3 a/Dockerfile:8",
    ]);
  });

  it("follows requirements files through COPY, mounts, folders, stages and here-documents", async () => {
    write("a/requirements.txt", "-r more/base.txt\nfastapi==1.0\n");
    write("a/more/base.txt", "numpy==1.0\n");
    const install = "RUN pip install -r";
    const both = ["fastapi 1.0 a/requirements.txt:2", "numpy 1.0 a/more/base.txt:1"];
    assert.deepEqual(
      await pinsOf(`FROM x\nCOPY requirements.txt /tmp/\n${install} /tmp/requirements.txt\n`),
      both,
    );
    assert.deepEqual(await pinsOf(`FROM x\nWORKDIR /app\nCOPY . .\n${install} requirements.txt\n`), both);
    assert.deepEqual(
      await pinsOf(`FROM x\nCOPY req*.txt /tmp/r/\nRUN cd /tmp/r && pip install -r requirements.txt\n`),
      both,
    );
    assert.deepEqual(
      await pinsOf(`FROM x AS f\nCOPY requirements.txt /r\nFROM x\nCOPY --from=f /r /s\n${install} /s\n`),
      both,
    );
    assert.deepEqual(
      await pinsOf(
        "FROM x\nARG N=requirements\nRUN --mount=type=bind,source=${N}.txt,target=/r uv pip sync /r\n",
      ),
      both,
    );
    assert.deepEqual(await pinsOf(`FROM x\nCOPY <<EOF /r.txt\nnumpy==3.0\nEOF\n${install} /r.txt\n`), [
      "numpy 3.0 a/Dockerfile:3",
    ]);
  });

  it("counts of other stages what the image takes: site folders, virtual environments, wheels", async () => {
    const builder =
      "FROM x AS b\nRUN python3 -m venv /venv && /venv/bin/pip install a==1\nRUN pip install b==1\nRUN pip wheel --wheel-dir /w c==1\nFROM x\n";
    const named = async (rest: string) => (await pinsOf(builder + rest)).map((pin) => pin.split(" ")[0]);
    assert.deepEqual(
      await named(
        "COPY --from=b /usr/local/lib/python3.10/dist-packages /usr/local/lib/python3.10/dist-packages\n",
      ),
      ["b"],
    );
    assert.deepEqual(await named("COPY --from=b /venv /venv\n"), ["a"]);
    assert.deepEqual(await named("COPY --from=b /venv/bin/a /a\n"), []);
    assert.deepEqual(
      await named("RUN --mount=type=bind,from=b,source=/w,target=/wheels pip install /wheels/*.whl\n"),
      ["c"],
    );
    assert.deepEqual(
      await named("COPY --from=b /w /wheels\nRUN pip install --no-index --find-links /wheels c\n"),
      ["c"],
    );
    assert.deepEqual(await named("COPY --from=b /w /wheels\nRUN pip install /wheels/d-*.whl\n"), []);
  });

  it("names a file that is missing, with what makes it, and reads requirements.in instead of a lock", async () => {
    write("a/requirements.in", "whisperx==3.7.3\ntorch==2.7.1\nlightning<2.6\n");
    write(
      "a/Dockerfile",
      "FROM cuda-base:runtime-12.8\nARG LOCK\nRUN --mount=type=bind,source=locks/${LOCK}.lock,target=/l pip install -r /l -r /x\nCOPY no.txt /n\nRUN pip install -r /n\n",
    );
    const { combination, missing } = await combinationOf(settings());
    assert.deepEqual(missing, [
      "a/locks/torch2.7.1-cu128-py310.lock does not exist yet; make it: npm run lock -- service a --stack dev",
      "a/no.txt does not exist, and a/Dockerfile:5 installs from it; write it or correct that line",
    ]);
    assert.deepEqual(combination.pins["a"], [
      { name: "whisperx", version: "3.7.3", from: "a/requirements.in:1" },
    ]);
  });

  it("says all that does not parse, a line each", async () => {
    write("a/r.txt", "numpy=1\n");
    const text = "FROM x\nCOPY r.txt /r\nRUN pip install -r /r\n";
    await assert.rejects(pinsOf(text), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.equal(
        error.message,
        'a/r.txt:1: "numpy=1" is no requirement; write NAME==VERSION there, or make the file again',
      );
      return true;
    });
  });
});
