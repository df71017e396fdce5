import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import envPaths from "env-paths";
import { describeDifference } from "../../lib/locks/lock-difference.ts";
import { nextOsPatches, writeOsPatches } from "../../lib/locks/os-patches.ts";
import { refreshBase, refreshService, writeChanges, type LockChange } from "../../lib/locks/refresh.ts";
import { requirementsFor } from "../../lib/locks/files.ts";
import { readRequirements } from "../../lib/locks/requirements.ts";
import { findUv } from "../../lib/locks/uv.ts";
import { PackageIndexes } from "./package-indexes.ts";

describe("npm run lock", function () {
  this.timeout(120_000);
  const indexes = new PackageIndexes();
  let folder: string;
  let uv: string;
  let base: string;
  const before_ = process.env["UV_DEFAULT_INDEX"];
  const versions = () => ({
    torch: "2.7.1",
    cuda: "12.8",
    python: "3.11",
    packageIndex: indexes.url("cu128"),
  });

  before(async () => {
    uv = await findUv(envPaths("gpu-build-host", { suffix: "" }).cache);
    await indexes.open();
    process.env["UV_DEFAULT_INDEX"] = indexes.url("pypi");
    await Promise.all([
      indexes.add("cu128", {
        name: "torch",
        version: "2.7.1+cu128",
        requires: ["numpy", "triton==3.3.1", "nvidia-cublas-cu12==12.8.3.14", "nvidia-nccl-cu12==2.26.2"],
      }),
      indexes.add("cu128", { name: "torchvision", version: "0.22.1+cu128", requires: ["torch==2.7.1"] }),
      indexes.add("cu128", { name: "torchaudio", version: "2.7.1+cu128", requires: ["torch==2.7.1"] }),
      indexes.add("cu128", { name: "numpy", version: "9.9" }), // PyTorch's index has old and odd copies of others' packages
      indexes.add("pypi", { name: "torch", version: "2.7.1", requires: ["numpy"] }),
      indexes.add("pypi", { name: "triton", version: "3.3.1" }),
      indexes.add("pypi", { name: "nvidia-cublas-cu12", version: "12.8.3.14" }),
      indexes.add("pypi", { name: "nvidia-nccl-cu12", version: "2.26.2" }),
      indexes.add("pypi", { name: "numpy", version: "2.0.2" }),
      indexes.add("pypi", { name: "numpy", version: "2.1.0" }),
      indexes.add("pypi", { name: "fastapi", version: "1.0", requires: ["numpy", "torch"] }),
    ]);
  });

  after(() => {
    if (before_ === undefined) delete process.env["UV_DEFAULT_INDEX"];
    else process.env["UV_DEFAULT_INDEX"] = before_;
    indexes.close();
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gpu-build-host-locks-"));
    base = join(folder, "locks/torch2.7.1-cu128-py311");
    writeFileSync(join(folder, "requirements.in"), "numpy<2.1\n");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const lockBase = (upgrade = false) => refreshBase(base, folder, versions(), { uv, upgrade });
  const onBase = () => ({ folder: base, torch: "2.7.1", python: "3.11" });
  const said = (changes: LockChange[]) => changes.map(({ difference }) => describeDifference(difference));

  it("takes torch from the stack's index and all else from the default one, split into three layers", async () => {
    assert.deepEqual(said(await lockBase()), [
      ["  + nvidia-cublas-cu12 12.8.3.14"],
      [
        "  + nvidia-nccl-cu12 2.26.2",
        "  + torch 2.7.1+cu128",
        "  + torchaudio 2.7.1+cu128",
        "  + torchvision 0.22.1+cu128",
        "  + triton 3.3.1",
      ],
      ["  + numpy 2.0.2"],
    ]);
  });

  it("gives the login of an index to that index only, and shows it nowhere", async () => {
    for (const name of ["torch", "torchvision", "torchaudio"])
      await indexes.add("closed", { name, version: "2.7.1", requires: ["numpy"] });
    const lock = (login: string) => {
      const packageIndex = indexes.url("closed").replace("//", `//${login}@`);
      const closed = { ...versions(), packageIndex };
      return refreshBase(base, folder, closed, { uv, upgrade: false });
    };
    const texts = (await lock("me:pa55word")).map(({ text }) => text).join("\n");
    assert.match(texts, /^torch==2\.7\.1/m);
    assert.doesNotMatch(texts, /pa55word/);
    await assert.rejects(lock("me:wr0ngword"), (error: Error) => {
      assert.match(error.message, /cannot be resolved/);
      assert.doesNotMatch(error.message, /wr0ngword/);
      return true;
    });
  });

  it("writes nothing by itself, and finds nothing to change after it has written", async () => {
    const changes = await lockBase();
    assert.throws(() => readFileSync(join(base, "torch.lock")));
    await writeChanges(changes);
    assert.match(
      readFileSync(join(base, "torch.lock"), "utf8"),
      /^# Made by `npm run lock -- base`: torch 2\.7\.1, CUDA 12\.8, Python 3\.11\.\n/,
    );
    const nvidia = readFileSync(join(base, "nvidia.lock"), "utf8");
    assert.match(
      nvidia,
      /^# Made by `npm run lock -- base`: CUDA 12\.8, Python 3\.11\.\n/,
      "the layer of more than one torch",
    );
    assert.ok((await lockBase()).every(({ unchanged }) => unchanged));
  });

  it("keeps versions that still fit, and takes newer ones when asked to", async () => {
    await writeChanges(await lockBase());
    writeFileSync(join(folder, "requirements.in"), "numpy<3\n");
    assert.deepEqual(said(await lockBase()), [[], [], []]);
    assert.deepEqual(said(await lockBase(true)), [[], [], ["  numpy 2.0.2 → 2.1.0"]]);
  });

  it("locks of a service what the base does not have, and never torch", async () => {
    await writeChanges(await lockBase());
    writeFileSync(join(folder, "requirements.in"), "fastapi\n");
    const [change] = await refreshService("x", folder, onBase(), { uv, upgrade: false });
    assert.deepEqual(describeDifference(change!.difference), ["  + fastapi 1.0"]);
    writeFileSync(join(folder, "requirements.in"), "fastapi\nnumpy>2.0.2\n"); // another numpy than the base's is the service's own
    const [other] = await refreshService("x", folder, onBase(), { uv, upgrade: false });
    assert.deepEqual(describeDifference(other!.difference), ["  + fastapi 1.0", "  + numpy 2.1.0"]);
  });

  it("takes other pins for the one release of torch that has a file of its own", async () => {
    await writeChanges(await lockBase());
    writeFileSync(
      join(folder, "requirements.in"),
      "# lock: exclude-newer 2025-09-01\nfastapi\nNumPy==2.0.2\n",
    );
    const own = join(folder, "requirements-torch2.7.1.in");
    writeFileSync(own, "# lock: exclude-newer 2026-09-01\nnumpy == 2.1.0\n");
    assert.deepEqual(await requirementsFor(folder, "2.7.1"), {
      lines: ["fastapi", "numpy == 2.1.0"],
      excludeNewer: "2026-09-01",
      excludeNewerPackages: {},
    });
    assert.deepEqual((await requirementsFor(folder, "2.8.0")).lines, ["fastapi", "NumPy==2.0.2"]);
    writeFileSync(join(folder, "requirements.in"), "fastapi\nnumpy==2.0.2\n");
    writeFileSync(own, "numpy==2.1.0\n");
    const [change] = await refreshService("x", folder, onBase(), { uv, upgrade: false });
    assert.deepEqual(describeDifference(change!.difference), ["  + fastapi 1.0", "  + numpy 2.1.0"]);
    assert.equal(change!.path, join(folder, "locks/torch2.7.1-cu128-py311.lock"));
  });

  it("takes the torchaudio of the torch, also where a newer one names no torch", async () => {
    await indexes.add("cu128", { name: "torchaudio", version: "2.11.0+cu128" });
    const [, torch] = await lockBase(true);
    assert.ok(describeDifference(torch!.difference).includes("  + torchaudio 2.7.1+cu128"));
  });

  it("says with uv's words what does not fit, and what is missing", async () => {
    writeFileSync(join(folder, "requirements.in"), "numpy==1.0\n");
    await assert.rejects(lockBase, /cannot be resolved[\s\S]*numpy==1\.0/);
    await assert.rejects(
      () => refreshService("x", folder, onBase(), { uv, upgrade: false }),
      /run npm run lock -- base first/,
    );
    await assert.rejects(
      () => refreshService("x", join(folder, "none"), onBase(), { uv, upgrade: false }),
      /requirements\.in does not exist/,
    );
    await assert.rejects(
      () => refreshBase(base, folder, { ...versions(), torch: "2.6.0" }, { uv, upgrade: false }),
      /torch==2\.6\.0/,
    );
  });

  it("refuses an index of another CUDA version", async () => {
    await assert.rejects(
      () => refreshBase(base, folder, { ...versions(), cuda: "12.6" }, { uv, upgrade: false }),
      /built for CUDA 12\.8, the settings say 12\.6/,
    );
  });

  it("reads the limits that stand in requirements.in, and names a line that is none", () => {
    const text =
      "# lock: exclude-newer 2025-09-01\n# lock: exclude-newer-package a=2026-01-01\na>1\n\n# words\n";
    assert.deepEqual(readRequirements(text, "x"), {
      lines: ["a>1"],
      excludeNewer: "2025-09-01",
      excludeNewerPackages: { a: "2026-01-01" },
    });
    assert.throws(() => readRequirements("a\n# lock: exclude-newer soon\n", "x"), /x line 2: .*YYYY-MM-DD/);
  });

  it("sets the date of the distribution's patches, and tells two refreshes of one day apart", async () => {
    const path = join(folder, "os-patches");
    writeFileSync(path, "# why\n2026-11-01\n");
    await writeOsPatches(await nextOsPatches(path, "2026-11-24"));
    assert.equal(readFileSync(path, "utf8"), "# why\n2026-11-24\n");
    await writeOsPatches(await nextOsPatches(path, "2026-11-24"));
    assert.equal(readFileSync(path, "utf8"), "# why\n2026-11-24.2\n");
    assert.equal((await nextOsPatches(path, "2026-11-24")).to, "2026-11-24.3");
  });
});
