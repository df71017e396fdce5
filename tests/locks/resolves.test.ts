import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import envPaths from "env-paths";
import type { Answer } from "../../lib/cuda/types.ts";
import { combinationOf } from "../../lib/locks/combination.ts";
import { combinationResolver, resolves, type ResolvesOptions } from "../../lib/locks/resolves.ts";
import { findUv, uvVersion } from "../../lib/locks/uv.ts";
import { parseSettings, type Settings } from "../../lib/settings/settings.ts";
import { PackageIndexes } from "./package-indexes.ts";

describe("resolves", function () {
  this.timeout(120_000);
  const indexes = new PackageIndexes();
  const before_ = process.env["UV_DEFAULT_INDEX"];
  let root: string;
  let cache: string;

  before(async () => {
    const uv = await findUv(envPaths("gpu-build-host", { suffix: "" }).cache);
    cache = mkdtempSync(join(tmpdir(), "gpu-build-host-cache-"));
    if (uv !== "uv") {
      mkdirSync(join(cache, `uv-${uvVersion}`, "bin"), { recursive: true });
      cpSync(uv, join(cache, `uv-${uvVersion}`, "bin", "uv"));
    }
    await indexes.open();
    for (const [name, version, ...requires] of [
      ["torch", "2.7.1"],
      ["torch", "2.8.0"],
      ["torchvision", "0.22.1", "torch==2.7.1"],
      ["torchvision", "0.23.0", "torch==2.8.0"],
      ["torchaudio", "2.7.1", "torch==2.7.1"],
      ["torchaudio", "2.8.0", "torch==2.8.0"],
      ["numpy", "2.0.2"],
      ["whisperx", "3.7.3", "torch<2.8"],
      ["whisperx", "3.8.6", "torch>=2.8"],
      ["fastapi", "1.0"],
      ["xformers", "0.0.31", "torch==2.7.1"],
    ] as const)
      await indexes.add("pypi", { name, version, requires });
    indexes.addSource("pypi", "docopt", "0.6.2");
  });

  after(() => {
    if (before_ === undefined) delete process.env["UV_DEFAULT_INDEX"];
    else process.env["UV_DEFAULT_INDEX"] = before_;
    indexes.close();
    rmSync(cache, { recursive: true });
  });

  beforeEach(() => {
    process.env["UV_DEFAULT_INDEX"] = indexes.url("pypi");
    root = mkdtempSync(join(tmpdir(), "gpu-build-host-resolves-"));
    for (const kind of ["runtime", "devel"])
      write(`cuda-base/Dockerfile.${kind}`, "FROM nvidia/cuda:12.8.1-base-ubuntu22.04\n");
    write("cuda-base/requirements.in", "numpy==2.0.2\n");
    write("a/requirements.in", "# what it needs\nwhisperx==3.7.3\nfastapi\n");
    write(
      "a/Dockerfile",
      "FROM cuda-base:runtime-12.8\nARG LOCK\nRUN --mount=type=bind,source=locks/${LOCK}.lock,target=/l pip install --no-deps -r /l\n",
    );
    indexes.asked.length = 0;
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
    rmSync(join(cache, "resolutions"), { recursive: true, force: true });
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  function settings(torch: string): Settings {
    return parseSettings({
      stack: "dev",
      root,
      stateDir: join(root, "state"),
      file: "Pulumi.dev.yaml",
      values: { cudaBase: { cuda: "12.8", torch, python: "3.11" }, services: { a: { context: "a" } } },
      readSandboxFacts: () => assert.fail("no sandbox here"),
    });
  }

  async function ask(torch: string, options: ResolvesOptions = {}): Promise<Answer[]> {
    const { combination } = await combinationOf(settings(torch));
    return resolves(settings(torch), combination, { limitMs: 60_000, cache, ...options });
  }

  /** Locks of the base and of `a` for torch 2.7.1. */
  function writeLocks(): void {
    const folder = "cuda-base/locks/torch2.7.1-cu128-py311";
    write(`${folder}/nvidia.lock`, "# none\n");
    write(`${folder}/torch.lock`, "torch==2.7.1\ntorchvision==0.22.1\ntorchaudio==2.7.1\n");
    write(`${folder}/python.lock`, "numpy==2.0.2\n");
    write("a/locks/torch2.7.1-cu128-py311.lock", "whisperx==3.7.3\nfastapi==1.0\n");
  }

  it("takes locks that have what is asked for as the proof, and asks nobody", async () => {
    writeLocks();
    const answers = await ask("2.7.1");
    assert.deepEqual(
      answers.map(({ verdict }) => verdict),
      ["works", "works"],
    );
    assert.match(
      answers[1]!.text,
      /^a\/locks\/torch2\.7\.1-cu128-py311\.lock has packages of a .*whisperx 3\.7\.3/,
    );
    assert.deepEqual(indexes.asked, []);
  });

  it("asks uv where no lock is for this torch: companions it found, pins that clash, and no wheel fetched", async () => {
    const [base, service] = await ask("2.8.0");
    assert.equal(base?.verdict, "works");
    assert.match(base.text, /torch 2\.8\.0, torchvision 0\.23\.0, torchaudio 2\.8\.0, numpy 2\.0\.2/);
    assert.equal(service?.verdict, "fails"); // uv says <= of the oldest release that the index has
    assert.equal(service.place, "install");
    assert.equal(
      service.text,
      "The packages of a do not go together with torch 2.8.0 and Python 3.11: whisperx <=3.7.3 needs torch <2.8, and the base has torch 2.8.0",
    );
    assert.deepEqual(service.facts, [
      { name: "torch", value: "<2.8", from: "whisperx<=3.7.3" },
      { name: "torch", value: "2.8.0", from: "gpu-build-host:cudaBase.torch" },
    ]);
    assert.equal(
      service.fix,
      'change "whisperx==3.7.3" in a/requirements.in:2, then: npm run lock -- service a --stack dev',
    );
    assert.ok(indexes.asked.length > 0);
    assert.deepEqual(
      indexes.asked.filter((path) => path.endsWith(".whl")),
      [],
    );
  });

  it("keeps answers: the second preview asks nobody, a damaged answer is asked again", async () => {
    const first = await ask("2.8.0");
    indexes.asked.length = 0;
    assert.deepEqual(await ask("2.8.0"), first);
    assert.deepEqual(indexes.asked, []);
    const folder = join(cache, "resolutions");
    for (const file of readdirSync(folder)) writeFileSync(join(folder, file), '{"askedAt": 1');
    assert.deepEqual(await ask("2.8.0"), first);
  });

  it("says a lock that is older than requirements.in, where what is asked for now goes together", async () => {
    writeLocks();
    write("a/requirements.in", "whisperx==3.7.3\nfastapi\nxformers==0.0.31\n");
    const service = (await ask("2.7.1"))[1]!;
    assert.equal(service.verdict, "works");
    assert.equal(service.isWarning, true);
    assert.match(
      service.text,
      /a\/locks\/torch2\.7\.1-cu128-py311\.lock does not have xformers, and a\/requirements\.in:3 asks for xformers==0\.0\.31$/,
    );
  });

  it("leaves out what has sources only: a clash without it is one, and else it is not known", async () => {
    write("a/requirements.in", "docopt==0.6.2\nwhisperx==3.7.3\n");
    const [, clash] = await ask("2.8.0");
    assert.match(clash!.text, /whisperx <=3\.7\.3 needs torch <2\.8/);
    const [, open] = await ask("2.7.1");
    assert.equal(open!.verdict, "unknown");
    assert.match(
      open!.text,
      /docopt has sources only, and what it needs is known once it is built; all else goes together$/,
    );
    assert.deepEqual(
      indexes.asked.filter((path) => path.endsWith(".tar.gz")),
      [],
    );
  });

  it("does not know without uv, without an index and without time", async () => {
    const empty = join(root, "empty");
    const path = process.env["PATH"];
    process.env["PATH"] = empty;
    const none = await ask("2.8.0", { cache: empty }).finally(() => (process.env["PATH"] = path));
    process.env["UV_DEFAULT_INDEX"] = "http://127.0.0.1:9/simple";
    const away = await ask("2.8.0", { limitMs: 14_000 });
    const late = await ask("2.8.0", { limitMs: 1 });
    for (const [answers, why] of [
      [none, /uv \S+ is not on this machine$/],
      [away, /uv says: \S+/],
      [late, /uv had no answer within 0\.001 s$/],
    ] as const)
      for (const { verdict, text, fix } of answers) {
        assert.equal(verdict, "unknown");
        assert.match(text, why);
        assert.match(fix!, /^ask without a limit of time: npm run lock -- /);
      }
    assert.deepEqual(
      readdirSync(cache).filter((name) => name === "resolutions"),
      [],
    );
  });

  it("answers for a combination that nobody has yet", async () => {
    const { combination } = await combinationOf(settings("2.8.0"));
    const resolver = combinationResolver(settings("2.8.0"), { cache, limitMs: 60_000, budgetMs: 60_000 });
    assert.equal(await resolver(combination), false);
    const wanted = structuredClone(combination);
    wanted.pins["a"]!.find(({ name }) => name === "whisperx")!.version = "3.8.6";
    assert.equal(await resolver(wanted), true);
    assert.equal(await combinationResolver(settings("2.8.0"), { cache, budgetMs: 0 })(wanted), undefined);
  });
});
