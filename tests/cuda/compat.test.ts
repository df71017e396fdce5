import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyChanges } from "../../lib/cuda/compat/apply.ts";
import { PackageIndex } from "../../lib/cuda/compat/package-index.ts";
import { propose, type Change, type Proposal } from "../../lib/cuda/compat/propose.ts";
import { askIndexes, type Unchecked } from "../../lib/cuda/compat/stated.ts";
import { writeData } from "../../lib/cuda/compat/write.ts";
import type { CudaData } from "../../lib/cuda/data-schema.ts";
import { cudaData, parseData } from "../../lib/cuda/data.ts";
import { compatibilityPage } from "../../lib/cuda/page.ts";
import { UserError } from "../../lib/errors.ts";
import { StandInIndex, type StandInRelease } from "./stand-in-index.ts";

const linux = ["cp310-cp310-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_x86_64"];
const nvidia = ["nvidia-cudnn-cu12==9.5.1.17", "nvidia-nccl-cu12==2.26.2"];

/** torch 2.7.1 as the data have it. */
const torch271: StandInRelease = {
  version: "2.7.1",
  tags: ["cp39", "cp310", "cp311", "cp312", "cp313"]
    .map((python) => `${python}-${python}-manylinux_2_28_x86_64`)
    .concat("cp313-cp313t-manylinux_2_28_x86_64", "cp310-none-macosx_11_0_arm64"),
  requires: [
    "filelock",
    'nvidia-cuda-runtime-cu12==12.6.77; platform_system == "Linux"',
    ...nvidia,
    "triton==3.3.1",
  ],
};

describe("npm run lock -- compat, with a stand-in for the indexes", () => {
  let index: StandInIndex;
  let data: CudaData;

  beforeEach(async () => {
    index = new StandInIndex();
    await index.open();
    // The oldest release of each project is where the asking begins: one each is enough here.
    data = structuredClone(cudaData());
    data.pytorchReleases = data.pytorchReleases.filter((release) => release.torch === "2.7.1");
    data.xformers = data.xformers.filter((release) => release.xformers === "0.0.31.post1");
    data.whisperx = data.whisperx.filter((release) => release.whisperx === "3.7.3");
    index.projects.set("torch", [torch271]);
    index.projects.set("torchvision", [{ version: "0.22.1", requires: ["numpy", "torch (==2.7.1)"] }]);
    index.projects.set("torchaudio", [{ version: "2.7.1", requires: ["torch==2.7.1"] }]);
    index.projects.set("xformers", [
      { version: "0.0.31.post1", tags: ["cp39-abi3-manylinux_2_28_x86_64"], requires: ["torch==2.7.1"] },
    ]);
    const { python, torch, torchaudio, ctranslate2, numpy } = data.whisperx[0]!;
    index.projects.set("whisperx", [
      {
        version: "3.7.3",
        tags: ["py3-none-any"],
        isYanked: true,
        requiresPython: python!.split(",").reverse().join(", "),
        requires: [
          ...[`torch${torch}`, `torchaudio${torchaudio}`, `ctranslate2${ctranslate2}`],
          ...["pyannote.audio (<4.0.0,>=3.3.2)", "torch>=9; extra == 'all'"],
          ...[`numpy${numpy}; python_version < "3.13"`, 'numpy>=2.1.0; python_version >= "3.13"'],
        ],
      },
    ]);
    data.whisperx[0]!.date = "2026-02-03"; // that of the stand-in
  });
  afterEach(() => index.close());

  async function ask(pytorch = `${index.address}/html`): Promise<Proposal & { unchecked: Unchecked[] }> {
    index.projects.set(
      "torch",
      index.projects.get("torch")!.concat(
        ["cu118", "cu126", "cu128", "cpu"].map((local) => ({
          version: `2.7.1+${local}`,
          isWithoutMetadata: true,
        })),
      ),
    );
    const { stated, unchecked } = await askIndexes(data, {
      pypi: new PackageIndex(`${index.address}/json/`),
      pytorch: new PackageIndex(pytorch, { timeout: 5_000 }),
    });
    return { ...propose(data, stated), unchecked };
  }

  function facts(changes: Change[]): string[] {
    return changes.map(({ release, property, from, to }) =>
      [release, property, JSON.stringify(from), JSON.stringify(to)].join(" "),
    );
  }

  it("proposes nothing where the indexes state what the data have", async () => {
    const { changes, same, unchecked, notices } = await ask();
    assert.deepEqual(facts(changes), []);
    assert.deepEqual([unchecked, notices], [[], []]);
    assert.equal(same, 5 + 2 + 1 + 1 + 8, "torch, its companions, its indexes, xformers, whisperx");
  });

  it("proposes what differs, and nothing else", async () => {
    torch271Changed(index, { requires: [...torch271.requires!.slice(0, -1), "triton==3.3.2"] });
    index.projects.set("xformers", [{ version: "0.0.31.post1", requires: ["torch>=2.7.1"] }]);
    Object.assign(index.projects.get("whisperx")![0]!, { isYanked: false });
    const { changes } = await ask();
    assert.deepEqual(facts(changes), [
      '2.7.1 triton "3.3.1" "3.3.2"',
      '0.0.31.post1 requiresTorch "==2.7.1" ">=2.7.1"',
      "3.7.3 isYanked true false",
    ]);
    const next = applyChanges(data, changes, "2026-12-01");
    assert.equal(next.pytorchReleases[0]!.triton, "3.3.2");
    assert.deepEqual(next.pytorchReleases[0]!.sourcesOf!["triton"], ["torch-pypi"]);
    assert.equal(next.updated, "2026-12-01");
    assert.equal(data.pytorchReleases[0]!.triton, "3.3.1", "the data themselves stay");
  });

  it("adds a new release with what the index states; the rest is not known, with the reason", async () => {
    index.projects.get("torch")!.push({
      version: "2.16.0",
      tags: linux,
      requires: [
        "cuda-toolkit[cudart,nvrtc]==13.2.1; sys_platform == 'linux'",
        "nvidia-cudnn-cu13==9.30.0.1",
        "triton~=4.0.0",
      ],
    });
    index.projects.get("torchvision")!.push({ version: "0.31.0", requires: ["torch==2.16.0"] });
    const { changes } = await ask();
    assert.deepEqual(facts(changes), [
      '2.16.0 python  ["3.10","3.11"]',
      '2.16.0 pypiCuda  "13.2"',
      '2.16.0 cudnn  {"cu132":"9.30.0.1"}',
      '2.16.0 torchvision  "0.31.0"',
    ]);
    const release = applyChanges(data, changes, "2026-12-01").pytorchReleases[1]!;
    assert.deepEqual(release, {
      ...{
        torch: "2.16.0",
        indexes: null,
        pypiCuda: "13.2",
        python: ["3.10", "3.11"],
        torchvision: "0.31.0",
      },
      ...{ torchaudio: null, triton: null, cudnn: { cu132: "9.30.0.1" }, nccl: null },
      sources: ["torch-pypi"],
      sourcesOf: { torchvision: ["torchvision-pypi"] },
      unknown: Object.fromEntries(
        ["indexes", "torchaudio", "triton", "nccl"].map((name) => [name, "no index states it"]),
      ),
    });
  });

  it("adds new releases of xformers and whisperx, in the order of their versions", async () => {
    index.projects.get("xformers")!.push({ version: "0.0.100", requires: ["torch>=2.10"] });
    index.projects
      .get("whisperx")!
      .unshift({ version: "3.10.0", requiresPython: ">=3.11", requires: ["torch~=2.9"] });
    const next = applyChanges(data, (await ask()).changes, "2026-12-01");
    assert.deepEqual(
      next.xformers.map(({ xformers }) => xformers),
      ["0.0.31.post1", "0.0.100"],
    );
    assert.equal(next.xformers[1]!.flashAttn, null);
    assert.deepEqual(
      next.whisperx.map(({ whisperx }) => whisperx),
      ["3.7.3", "3.10.0"],
    );
    assert.equal(next.whisperx[1]!.torch, "~=2.9");
  });

  it("passes over pre-releases, other platforms and releases older than the data's oldest", async () => {
    index.projects
      .get("torch")!
      .push(
        { version: "2.16.0rc1", tags: linux },
        { version: "2.16.0.dev20261101", tags: linux },
        { version: "2.16.0", tags: ["cp311-cp311-win_amd64", "cp311-cp311-manylinux_2_28_aarch64"] },
        { version: "2.6.0", tags: linux },
      );
    assert.deepEqual(facts((await ask()).changes), []);
    assert.ok(!index.asked.some((path) => path.includes("torch-2.6.0")));
  });

  it("reads which of PyTorch's indexes have a release, from a page in HTML", async () => {
    data.pytorchReleases[0]!.indexes = ["cu118", "cu126"];
    const { changes } = await ask();
    assert.deepEqual(facts(changes), ['2.7.1 indexes ["cu118","cu126"] ["cu118","cu126","cu128"]']);
    const next = applyChanges(data, changes, "2026-12-01");
    assert.deepEqual(next.pytorchReleases[0]!.sourcesOf!["indexes"], ["pt-indexes"]);
    assert.equal(next.sources["pt-indexes"]!.kind, "index");
  });

  it("says that a release is gone, and changes nothing for it", async () => {
    index.projects.set("whisperx", [{ ...index.projects.get("whisperx")![0]!, version: "3.7.4" }]);
    const { notices, changes } = await ask();
    assert.deepEqual(notices, ["The index lists no Linux wheel of whisperx 3.7.3, which the data has."]);
    assert.ok(changes.every(({ release }) => release !== "3.7.3"));
  });

  it("says in one line which part an index that does not answer leaves unchecked", async () => {
    const closed = new StandInIndex();
    await closed.open();
    const { address } = closed;
    await closed.close();
    const { unchecked, changes } = await ask(`${address}/html`);
    const host = new URL(address).host;
    assert.deepEqual(unchecked, [
      { what: "PyTorch's own indexes", why: `${host} does not answer (ECONNREFUSED)` },
    ]);
    assert.deepEqual(facts(changes), []);
  });

  it("asks a silent index once, and names all the parts in one line", async () => {
    const { address } = index;
    await index.close();
    const silent = new PackageIndex(`${address}/json`);
    const { stated, unchecked } = await askIndexes(data, { pypi: silent, pytorch: silent });
    assert.deepEqual(stated, { releases: {} });
    assert.equal(unchecked.length, 1);
    assert.equal(
      unchecked[0]!.what,
      "torch on PyPI, torchvision, torchaudio, xformers, whisperx, PyTorch's own indexes",
    );
    await index.open();
  });

  it("tells an index's error and an answer that is no list of files", async () => {
    index.status = 503;
    const files = new PackageIndex(`${index.address}/json`).files("torch");
    await assert.rejects(files, /\/json\/torch\/ answers with status 503/);
    index.status = 200;
    index.projects.set("torch", []);
    assert.deepEqual(await new PackageIndex(`${index.address}/json`).files("nothing"), []);
    const pypi = new PackageIndex(`${index.address}/json`);
    const { unchecked } = await askIndexes(data, { pypi, pytorch: pypi });
    assert.deepEqual(
      unchecked.map(({ what }) => what),
      ["torch on PyPI", "PyTorch's own indexes"],
    );
    assert.match(unchecked[0]!.why, /lists no Linux wheel of torch/);
  });

  it("names the releases whose metadata are not served, and guesses nothing for them", async () => {
    torch271Changed(index, { isWithoutMetadata: true });
    const { changes, unchecked } = await ask();
    assert.deepEqual(unchecked, [
      {
        what: "requirements of torch 2.7.1",
        why: `${new URL(index.address).host} gives no metadata of these wheels`,
      },
    ]);
    assert.deepEqual(facts(changes), []);
  });

  it("writes the data and their page, and only what differs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gpu-build-host-compat-"));
    const files = { data: join(folder, "compatibility.json"), page: join(folder, "page.md") };
    try {
      assert.deepEqual(await writeData(cudaData(), files), [files.data, files.page]);
      assert.deepEqual(parseData(readFileSync(files.data, "utf8")), cudaData());
      assert.equal(readFileSync(files.page, "utf8"), compatibilityPage(cudaData()));
      assert.deepEqual(await writeData(cudaData(), files), []);
      writeFileSync(files.page, "old");
      assert.deepEqual(await writeData(cudaData(), files), [files.page]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses an index that is no URL, or has a login in it, without printing the login", () => {
    assert.throws(() => new PackageIndex("pypi.org/simple"), UserError);
    assert.throws(
      () => new PackageIndex("https://me:pa55word@example.org/simple"),
      (error) => error instanceof UserError && !error.message.includes("pa55word"),
    );
  });
});

function torch271Changed(index: StandInIndex, change: Partial<StandInRelease>): void {
  index.projects.set("torch", [{ ...torch271, ...change }]);
}
