import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

const script = readFileSync(join(import.meta.dirname, "..", "..", "cuda-base", "kept-wheel"), "utf8");

/** The script of the devel base against a store in memory, with this machine's Python. */
describe("kept-wheel", () => {
  const stored = new Map<string, Buffer>();
  let server: Server;
  let folder: string;

  before(async () => {
    server = createServer((request, answer) => {
      const path = request.url ?? "";
      if (request.method !== "PUT") {
        const body = stored.get(path);
        return void answer.writeHead(body ? 200 : 404).end(body);
      }
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const isKnown =
          request.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`;
        if (isKnown) stored.set(path, Buffer.concat(parts));
        answer.writeHead(isKnown ? 201 : 401).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => server.close());
  beforeEach(() => {
    stored.clear();
    folder = mkdtempSync(join(tmpdir(), "gbh-kept-wheel-"));
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src", "a.c"), "int one;\n");
    useStore("me:secret@");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function useStore(login: string, port = (server.address() as AddressInfo).port): void {
    writeFileSync(join(folder, "secret"), `http://${login}127.0.0.1:${port}/wheels\n`);
    writeFileSync(
      join(folder, "kept-wheel"),
      script.replace('"/run/secrets/wheel-store"', JSON.stringify(join(folder, "secret"))),
    );
  }

  let builds = 0;
  /** Runs it with a "compiler" whose wheel is another each time; returns what it said and the wheel's text. */
  async function compile(env: NodeJS.ProcessEnv = {}, command = "touch src/*") {
    const out = join(folder, `out-${builds++}`);
    const build = `${command}; mkdir -p ${out}; echo ${builds} > ${out}/a-1-py3-none-any.whl`;
    writeFileSync(join(folder, "build.sh"), build); // beside the words that are in the key
    const result = await execa(
      "python3",
      ["-B", "kept-wheel", "a==1", "--input", "src", "--out", out, "--", "sh", "build.sh"],
      { cwd: folder, env, reject: false, all: true },
    );
    const wheels = readdirSync(out).map((name) => readFileSync(join(out, name), "utf8").trim());
    return { ...result, wheels };
  }

  it("compiles once, and takes the same bytes from then on", async () => {
    const first = await compile();
    assert.match(first.all, /not in the store yet[\s\S]*kept a-1-py3-none-any\.whl/);
    const second = await compile();
    assert.match(second.all, /a-1-py3-none-any\.whl from the store/);
    assert.deepEqual(second.wheels, first.wheels);
    assert.ok(
      [...stored.keys()].every((path) => /^\/wheels\/a(%3D|=){2}1\/torch/.test(path)),
      [...stored.keys()].join(),
    );
  });

  it("compiles again for other sources, architectures or flags", async () => {
    const first = await compile();
    for (const env of [{ TORCH_CUDA_ARCH_LIST: "9.0" }, { CFLAGS: "-O0" }])
      assert.notDeepEqual((await compile(env)).wheels, first.wheels);
    writeFileSync(join(folder, "src", "a.c"), "int two;\n");
    assert.notDeepEqual((await compile()).wheels, first.wheels);
  });

  it("compiles again for another torch, CUDA or Python, and takes the wheel of the same ones", async () => {
    const first = { torch: "2.8.0", cuda: "12.8", python: "3, 12" };
    const worlds = [
      first,
      { ...first, torch: "2.9.1" },
      { ...first, cuda: "12.6" },
      { ...first, python: "3, 13" },
    ];
    const wheels: string[] = [];
    for (const world of worlds) wheels.push(...(await compile({ PYTHONPATH: standIns(world) })).wheels);
    assert.equal(new Set(wheels).size, worlds.length, wheels.join());
    const combinations = [...stored.keys()].filter((path) => path.endsWith("/SHA256SUMS"));
    assert.deepEqual(combinations.map((path) => path.split("/")[3]?.replace(/-sm.*/, "")).sort(), [
      "torch2.8.0-cu126-py312",
      "torch2.8.0-cu128-py312",
      "torch2.8.0-cu128-py313",
      "torch2.9.1-cu128-py312",
    ]);
    const again: string[] = [];
    for (const world of worlds) again.push(...(await compile({ PYTHONPATH: standIns(world) })).wheels);
    assert.deepEqual(again, wheels);
  });

  it("asks an active virtual environment, whose torch may be another than the base's", async () => {
    const base = standIns({ torch: "2.8.0", cuda: "12.8", python: "3, 12" });
    const environment = join(folder, "venv");
    await execa("python3", ["-m", "venv", "--without-pip", environment]);
    const [site = ""] = (
      await execa(join(environment, "bin", "python3"), [
        "-c",
        "import site; print(site.getsitepackages()[0])",
      ])
    ).stdout.split("\n");
    renameSync(join(standIns({ torch: "2.9.1", cuda: "12.6", python: "" }), "torch"), join(site, "torch"));
    mkdirSync(join(folder, "torch")); // a source's own folder is no torch, and no module of Python's
    for (const name of ["torch/version.py", "types.py"])
      writeFileSync(join(folder, name), "raise SystemExit(9)\n");
    await compile({ PYTHONPATH: base, VIRTUAL_ENV: join(folder, "gone") });
    await compile({ VIRTUAL_ENV: environment });
    const combinations = [...stored.keys()].filter((path) => path.endsWith("/SHA256SUMS"));
    assert.match(combinations.join(), /\/torch2\.8\.0-cu128-py312-sm.*\/torch2\.9\.1-cu126-py3\d+-sm/);
  });

  /** Folder of modules with a stand-in for torch, told by its version.py alone, and for a Python of another version. */
  function standIns({ torch, cuda, python }: { torch: string; cuda: string; python: string }): string {
    const site = mkdtempSync(join(folder, "stand-ins-"));
    mkdirSync(join(site, "torch"));
    writeFileSync(
      join(site, "torch", "__init__.py"),
      'raise SystemExit("torch was imported: that takes seconds")\n',
    );
    writeFileSync(
      join(site, "torch", "version.py"),
      `from typing import Optional\n\n__version__ = '${torch}+cu${cuda.replace(".", "")}'\ndebug = False\ncuda: Optional[str] = '${cuda}'\n`,
    );
    writeFileSync(
      join(site, "sitecustomize.py"),
      `import sys\n\nsys.version_info = (${python}, 0, "final", 0)\n`,
    );
    return site;
  }

  it("compiles again where the store has damaged bytes", async () => {
    const first = await compile();
    for (const path of stored.keys()) if (path.endsWith(".whl")) stored.set(path, Buffer.from("broken"));
    const second = await compile();
    assert.match(second.all, /damaged; compiling it again/);
    assert.notDeepEqual(second.wheels, first.wheels);
    assert.deepEqual((await compile()).wheels, second.wheels);
  });

  it("compiles where there is no store, none that answers, or none that takes anything", async () => {
    useStore("");
    const refused = await compile();
    assert.match(refused.all, /compiled, but not kept \(HTTP Error 401/);
    useStore("me:secret@", 1);
    const silent = await compile();
    assert.match(silent.all, /does not answer/);
    rmSync(join(folder, "secret"));
    const without = await compile();
    assert.equal(without.all, "");
    for (const { exitCode, wheels } of [refused, silent, without])
      assert.deepEqual([exitCode, wheels.length], [0, 1]);
  });

  it("ends as the command ends, and where that leaves no wheel", async () => {
    assert.equal((await compile({}, "exit 3")).exitCode, 3);
    assert.equal(stored.size, 0);
    const result = await execa("python3", ["-B", "kept-wheel", "a", "--out", "none", "--", "true"], {
      cwd: folder,
      reject: false,
      all: true,
    });
    assert.equal(result.exitCode, 1);
    assert.match(result.all, /the command left no wheel in none/);
  });
});
