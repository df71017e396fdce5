import assert from "node:assert/strict";
import { markerApplies } from "../../lib/locks/markers.ts";
import { pinsOf, readRequirementLines, type ReadPinsOptions } from "../../lib/locks/read-pins.ts";
import { readWheelName } from "../../lib/locks/wheel-name.ts";

const sha = "0".repeat(64);
const read = (text: string, options: Partial<ReadPinsOptions> = {}) =>
  readRequirementLines(text, "a/x.lock", { python: "3.10", ...options });
const pins = (text: string) =>
  pinsOf(read(text).requirements).map(({ name, version, from }) => `${name} ${version} ${from}`);

describe("readRequirementLines", () => {
  it("reads exact versions with their line, over continuations, comments and hashes", () => {
    const text = `# made by\nNumPy==2.0.2 \\\n    --hash=sha256:${sha} \\\n    --hash=sha256:${sha}\n    # via x\nruamel.yaml[jinja2]==0.18 # why\n`;
    assert.deepEqual(pins(text), ["numpy 2.0.2 a/x.lock:2", "ruamel-yaml 0.18 a/x.lock:6"]);
  });

  it("keeps ranges as requirements that are no pins", () => {
    const { requirements } = read("lightning < 2.6, >=2\ntorch==2.7.*\nnumpy\n");
    assert.deepEqual(
      requirements.map(({ text }) => text),
      ["lightning<2.6,>=2", "torch==2.7.*", "numpy"],
    );
    assert.deepEqual(pinsOf(requirements), []);
  });

  it("reads the version in the name of a wheel, by URL, by name @ URL and as a file", () => {
    const wheel = "flash_attn-2.8.0.post2%2Bcu12torch2.7cxx11abiTRUE-cp310-cp310-linux_x86_64.whl";
    assert.deepEqual(pins(`flash-attn @ https://e.x/v2/${wheel} \\\n --hash=sha256:${sha}\n`), [
      "flash-attn 2.8.0.post2+cu12torch2.7cxx11abiTRUE a/x.lock:1",
    ]);
    assert.deepEqual(
      pins(`https://e.x/${wheel}#sha256=${sha}\n./wheels/torch-2.7.1+cu128-cp310-cp310-linux_x86_64.whl`),
      ["flash-attn 2.8.0.post2+cu12torch2.7cxx11abiTRUE a/x.lock:1", "torch 2.7.1+cu128 a/x.lock:2"],
    );
    assert.deepEqual(pins("git+https://e.x/whisperX.git@v3.7.3\n-e .\n--index-url https://e.x/simple\n"), []);
  });

  it("takes the line whose marker holds on the base", () => {
    const text =
      "numpy==2.0.2 ; python_version < '3.11'\nnumpy==2.3.0 ; python_version >= '3.11'\ncolorama==0.4 ; sys_platform == 'win32'\n";
    assert.deepEqual(pins(text), ["numpy 2.0.2 a/x.lock:1"]);
    assert.equal(
      markerApplies(
        "python_full_version >= '3.9' and (os_name == 'nt' or platform_machine != 'arm64')",
        "3.10",
      ),
      true,
    );
    assert.equal(markerApplies("'linux' not in sys_platform", "3.10"), false);
    assert.equal(markerApplies("extra == 'gpu'", "3.10"), false);
    assert.equal(markerApplies("python_version <", "3.10"), undefined);
    assert.equal(markerApplies("color == 'red'", "3.10"), undefined);
  });

  it("names files that it goes on in", () => {
    assert.deepEqual(read("-r base.txt\n--requirement=more.txt\n").files, [
      { path: "base.txt", line: 1 },
      { path: "more.txt", line: 2 },
    ]);
  });

  const broken: [string, string, RegExp][] = [
    ["one equals sign", "a==1\nfastapi=0.1\n", /^a\/x\.lock:2: "fastapi=0\.1" is no requirement; /],
    ["a conflict of git", "<<<<<<< HEAD\na==1\n", /^a\/x\.lock:1: "<<<<<<< HEAD" is no requirement; /],
    ["a version that is none", "a==1..2\n", /^a\/x\.lock:1: "a==1\.\.2" is no requirement; /],
    ["JSON", '{"a": 1}', /^a\/x\.lock:1: .* is no requirement; /],
    ["bytes", "a\u0000b==1\u001b[31m\n", /^a\/x\.lock:1: [^\u0000\u001b]* is no requirement; /],
    ["a marker that is none", "a==1 ; python_version\n", /:1: .* is no requirement; /],
    ["an end in the middle", `a==1\nb==2 \\\n`, /^a\/x\.lock:2: the file ends in the middle of "b==2"; /],
    ["a hash alone", `    --hash=sha256:${sha}\n`, /:1: .* is no requirement; /],
    ["half a hash", "a==1 \\\n    --hash=sha256:abc\n", /^a\/x\.lock:1: "sha256:abc" is no hash/],
    ["two versions", "a==1\nA==2\n", /^a\/x\.lock:2: a is 2 here and 1 in a\/x\.lock:1; /],
  ];
  for (const [what, text, message] of broken)
    it(`refuses ${what} in one line`, () => {
      assert.throws(
        () => read(text, { remedy: "run it again" }),
        (error: Error) => {
          assert.match(error.message, message);
          assert.match(error.message, /; run it again$/);
          assert.doesNotMatch(error.message, /\n/);
          return error.name === "UserError";
        },
      );
    });

  it("asks for hashes only where the build does", () => {
    assert.equal(read("a==1\n").requirements.length, 1);
    assert.throws(
      () => read(`b==1 --hash=sha256:${sha}\na==1\n`, { requireHashes: true }),
      /x\.lock:2: a has no --hash/,
    );
  });
});

describe("readWheelName", () => {
  it("tells name, version with its label, and the one Python that it is for", () => {
    assert.deepEqual(readWheelName("/x/ctranslate2-4.6.3-cp310-cp310-manylinux_2_17_x86_64.whl"), {
      name: "ctranslate2",
      version: "4.6.3",
      python: "3.10",
    });
    assert.equal(readWheelName("uv-0.9.0-cp38-abi3-linux_x86_64.whl")?.python, undefined);
    assert.equal(readWheelName("https://e.x/moviepy-1.0.3.tar.gz")?.version, "1.0.3");
    assert.equal(readWheelName("https://e.x/archive/main.zip"), undefined);
    assert.equal(readWheelName("https://e.x/%zz.whl"), undefined);
  });
});
