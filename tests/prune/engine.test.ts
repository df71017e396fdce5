import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { holdVersion } from "../../lib/images/in-work.ts";
import { readTagLedger } from "../../lib/images/tag-ledger.ts";
import { readContent, readDiskUse, type DiskUse } from "../../lib/prune/content.ts";
import { planPrune, type PruneOptions, type PrunePlan } from "../../lib/prune/plan.ts";
import { runPrune } from "../../lib/prune/run.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { useImageProject, type Inputs } from "../provider/image-project.ts";

/** Leaves the build cache alone, but for what stands on removed layers. */
const patient: Partial<PruneOptions> = { olderThan: 365 * 86_400_000, keepBytes: 1e12 };

describe("npm run prune on an engine", function () {
  this.timeout(180_000);
  const project = useImageProject("prune");
  const { write, definition, inputsOf, session } = project;
  const engine = () => project.test.engine;
  const stateDir = () => `${project.test.folder}/state`;
  const docker = (...args: string[]) => execa("docker", args).then(({ stdout }) => stdout.trim());

  /** What a run makes of the two images of a stack; `bytes` is the size of what is new in `app`. */
  async function up(stack: string, bytes: number, more: Partial<Inputs> = {}): Promise<ImageState> {
    write(
      "app/src/main.sh",
      `echo ${randomBytes(Math.ceil(bytes / 2))
        .toString("hex")
        .slice(0, bytes - 6)}\n`,
    );
    const inputs = await inputsOf([definition("app"), definition("base")], stack, stack);
    for (const name of ["base", "app"])
      await image.update(
        "id",
        "urn",
        inputs[name] as ImageState,
        { ...inputs[name]!, keep: 10, ...more },
        session(),
      );
    return inputs.app as ImageState;
  }

  async function plan(more: Partial<PruneOptions> = {}): Promise<PrunePlan & { disk: DiskUse }> {
    const content = await readContent(engine());
    const ledger = await readTagLedger(stateDir(), (await engine().info()).id);
    const made = planPrune(content, ledger, {
      settings: new Map([["dev", { versions: 2 }]]),
      stacksWithState: new Set(),
      volumes: false,
      now: Date.now(),
      olderThan: 0,
      keepBytes: 0,
      ...more,
    });
    return { ...made, disk: content.disk };
  }

  const run = (
    made: PrunePlan & { disk: DiskUse },
    signal = new AbortController().signal,
    onStep?: () => void,
  ) =>
    runPrune(made, made.disk, {
      engine: engine(),
      stack: "dev",
      stateDir: stateDir(),
      signal,
      ...(onStep && { onStep }),
    });

  const names = async () => (await engine().imageList()).flatMap(({ tags }) => tags).sort();
  const images = (made: PrunePlan) => made.items.filter(({ kind }) => kind === "image");
  const sum = (items: { bytes: number }[]) => items.reduce((total, { bytes }) => total + bytes, 0);
  const everything = (disk: DiskUse) => disk.images + disk.cache;

  /** What really lies in the engine's folder: bytes of the files of all layers. */
  async function bytesOnDisk(): Promise<number> {
    const { stdout } = await execa("find", [
      `${project.test.folder}/engine/docker/overlay2`,
      ...["-mindepth", "3", "-path", "*/diff/*", "-type", "f", "-printf", "%s\n"],
    ]);
    return stdout.split("\n").reduce((total, line) => total + Number(line), 0);
  }

  /** Images that are nobody's of us: with a name, without one, with a name of ours taken by hand. */
  async function foreignImages(): Promise<string> {
    write("foreign/Dockerfile", "FROM busybox:1\nARG WHAT\nRUN head -c 70000 /dev/urandom > /$WHAT\n");
    const build = (what: string, ...more: string[]) =>
      docker(
        ...["buildx", "build", "--builder", "default", "--quiet", "--provenance=false", "--network", "host"],
        ...["--build-arg", `WHAT=${what}`, ...more],
        ...[
          "--build-context",
          `busybox:1=docker-image://${project.registry.address}/library/busybox@${project.registry.digests["1"]}`,
        ],
        `${project.folder}/foreign`,
      );
    await build("named", "--tag", "foreign:1");
    return build("nameless");
  }

  it("removes old versions only, and says beforehand what is freed, to the byte", async () => {
    const nameless = await foreignImages();
    const versions: ImageState[] = [];
    for (const bytes of [400_000, 300_001, 200_002, 100_003]) versions.push(await up("dev", bytes));
    const far = [await up("far", 50_000), await up("far", 60_000), await up("far", 70_000)];
    await docker(
      "create",
      "--name",
      "worker",
      "--network",
      "none",
      versions[1]!.reference,
      "sh",
      "-c",
      "wc -c < /src/main.sh",
    );
    const [before, made] = [await names(), await plan(patient)];
    assert.deepEqual(
      images(made).map(({ name, bytes }) => [name, bytes]),
      [[versions[0]!.reference, 400_000]],
    );
    assert.ok(made.isExact);
    assert.ok(
      made.notes.includes(`${versions[1]!.reference} stays: used by worker (created)`),
      made.notes.join("\n"),
    );
    assert.ok(
      made.notes.some((note) => /^1 image without a name \(70 kB\)/.test(note)),
      made.notes.join("\n"),
    );
    const onDisk = await bytesOnDisk();
    const result = await run(made);
    assert.deepEqual([result.freed, result.freedByImages], [made.bytes, 400_000]);
    assert.equal(onDisk - (await bytesOnDisk()), 400_000);
    assert.deepEqual(
      await names(),
      before.filter((name) => name !== versions[0]!.reference),
    );
    for (const { reference } of far) assert.ok(await engine().image(reference), reference);
    assert.ok(await engine().image(nameless));
    assert.equal(await docker("start", "--attach", "worker"), "300001");
    await docker("rm", "worker");
    const second = await plan(patient);
    assert.deepEqual(
      images(second).map(({ name, bytes }) => [name, bytes]),
      [[versions[1]!.reference, 300_001]],
    );
    assert.equal((await run(second)).freed, 300_001);
    assert.deepEqual((await plan(patient)).items, []);
  });

  it("frees the disk also where the build cache holds the layers, with what stands on them", async () => {
    const first = await up("dev", 123_457);
    // A step on top of it that no image has, as when a wheel is compiled in a stage.
    write(
      "on-top/Dockerfile",
      "FROM dev-app AS work\nRUN head -c 45678 /dev/urandom > /wheel\nFROM busybox:1\nCOPY --from=work /wheel /\n",
    );
    await docker(
      ...[
        "buildx",
        "build",
        "--builder",
        "default",
        "--quiet",
        "--provenance=false",
        "--network",
        "host",
        "--tag",
        "wheel:1",
      ],
      ...["--build-context", `dev-app=docker-image://${first.reference}`],
      ...[
        "--build-context",
        `busybox:1=docker-image://${project.registry.address}/library/busybox@${project.registry.digests["1"]}`,
      ],
      `${project.folder}/on-top`,
    );
    await up("dev", 2000);
    await up("dev", 3000);
    const made = await plan(patient);
    // The engine does not say whose layer the step stands on: it may be one that stays.
    assert.deepEqual(
      images(made).map(({ bytes }) => bytes),
      [123_457],
    );
    assert.deepEqual([made.bytes, made.atMostBytes], [123_457, 123_457 + 45_678]);
    const onDisk = await bytesOnDisk();
    const result = await run(made);
    assert.deepEqual([result.freed, result.freedByImages], [made.atMostBytes, made.bytes]);
    assert.deepEqual(result.notes, []);
    assert.equal(onDisk - (await bytesOnDisk()), made.atMostBytes);
    assert.ok(await engine().image("wheel:1"));
  });

  it("keeps the build cache within its size, and tells the bytes beforehand", async () => {
    await foreignImages();
    await up("dev", 5000);
    await docker("rmi", "foreign:1"); // its steps are in the cache only, by now
    const [before, made] = [await names(), await plan()];
    assert.ok(
      made.items.some(({ kind, bytes }) => kind === "build cache" && bytes >= 70_000),
      JSON.stringify(made.items),
    );
    assert.deepEqual(images(made), []);
    // Not compared with the disk: of a build context the engine may remember the size of an earlier one.
    assert.equal((await run(made)).freed, made.bytes);
    assert.deepEqual(await names(), before);
    assert.equal((await readDiskUse(engine())).cache, 0);
  });

  it("does not disturb a build that runs", async () => {
    write(
      "slow/Dockerfile",
      "FROM busybox:1 AS work\nRUN head -c 3000 /dev/urandom > /first\nRUN sleep 6; cat /first > /second\nFROM busybox:1\nCOPY --from=work /second /\n",
    );
    const build = docker(
      ...[
        "buildx",
        "build",
        "--builder",
        "default",
        "--quiet",
        "--provenance=false",
        "--network",
        "host",
        "--tag",
        "slow:1",
      ],
      ...[
        "--build-context",
        `busybox:1=docker-image://${project.registry.address}/library/busybox@${project.registry.digests["1"]}`,
      ],
      `${project.folder}/slow`,
    );
    let done = false;
    void build.finally(() => (done = true)).catch(() => undefined);
    let prunes = 0;
    while (!done) {
      await run(await plan());
      prunes++;
    }
    await build;
    assert.ok(prunes > 1);
    assert.equal(
      await docker("run", "--rm", "--network", "none", "slow:1", "wc", "-c", "/second"),
      "3000 /second",
    );
  });

  it("spares a version that a run has in work, or that came into use after the plan", async () => {
    const states: ImageState[] = [];
    for (const bytes of [1000, 2000, 3000, 4000]) states.push(await up("dev", bytes));
    const made = await plan({ ...patient, settings: new Map([["dev", { versions: 1 }]]) });
    assert.equal(images(made).length, 3);
    const engineId = (await engine().info()).id;
    // The second one is in use again; the first is still being tried.
    await image.update("id", "urn", states[3]!, { ...states[1]!, keep: 10 }, session());
    const where = { engineId, reference: states[0]!.reference, stack: "dev" };
    const result = await holdVersion(where, () => run(made));
    assert.deepEqual(result.notes, [
      `${states[0]!.reference} stays: a run is at work on it`,
      `${states[1]!.reference} stays: its stack uses it by now`,
    ]);
    const ledger = await readTagLedger(stateDir(), engineId);
    assert.deepEqual(
      ledger.versions["dev/app"],
      [states[1]!, states[3]!, states[0]!].map(({ reference }) => reference),
    );
  });

  it("leaves all whole when it is stopped, and goes on where it was", async () => {
    for (const bytes of [1000, 2000, 3000, 4000]) await up("dev", bytes);
    const made = await plan({ ...patient, settings: new Map([["dev", { versions: 1 }]]) });
    const abort = new AbortController();
    let steps = 0;
    await assert.rejects(
      run(made, abort.signal, () => ++steps === 2 && abort.abort()),
      { name: "AbortError" },
    );
    const rest = await plan({ ...patient, settings: new Map([["dev", { versions: 1 }]]) });
    assert.deepEqual(
      images(rest).map(({ name }) => name),
      images(made)
        .slice(1)
        .map(({ name }) => name),
    );
    await run(rest);
    assert.deepEqual(images(await plan({ ...patient, settings: new Map([["dev", { versions: 1 }]]) })), []);
  });

  it("takes what a removed image had to leave to a container, once that is gone", async () => {
    const state = await up("dev", 1000);
    await docker("create", "--name", "holder", "--network", "none", state.reference, "true");
    await image.delete("id", "urn", state, session());
    assert.ok(await engine().image(state.reference));
    assert.deepEqual(images(await plan(patient)), []);
    await docker("rm", "holder");
    const made = await plan(patient);
    assert.deepEqual(
      images(made).map(({ name }) => name),
      [state.reference],
    );
    await run(made);
    assert.equal(await engine().image(state.reference), undefined);
    assert.deepEqual((await readTagLedger(stateDir(), (await engine().info()).id)).released, []);
  });

  describe("with keepStorage, at up", () => {
    it("former versions go, oldest first, when together they take more", async () => {
      const states: ImageState[] = [];
      for (const bytes of [100_000, 90_000, 80_000])
        states.push(await up("dev", bytes, { keepStorage: 190_000 }));
      for (const { reference } of states) assert.ok(await engine().image(reference), reference);
      states.push(await up("dev", 70_000, { keepStorage: 190_000 }));
      assert.ok(
        project.said.some((line) => line.startsWith("beyond keepStorage, removed: ")),
        project.said.join("\n"),
      );
      const there = await Promise.all(
        states.map(async ({ reference }) => (await engine().image(reference)) !== undefined),
      );
      assert.deepEqual(there, [false, true, true, true]);
      states.push(await up("dev", 60_000, { keepStorage: 0 }));
      assert.deepEqual(
        (await names()).filter((name) => name.startsWith("localhost:1/dev/app:")),
        [states[4]!.reference],
      );
    });

    it("what the stack is about to go back to stays, and what a container uses", async () => {
      const first = await up("dev", 10_000);
      const second = await up("dev", 20_000);
      await docker("create", "--name", "user", "--network", "none", second.reference, "true");
      await up("dev", 30_000, { keepStorage: 0, needed: [first.reference] });
      assert.ok(await engine().image(first.reference));
      assert.ok(await engine().image(second.reference));
      await docker("rm", "user");
    });

    it("no other stack's version goes", async () => {
      const others = [await up("far", 10_000), await up("far", 20_000)];
      await up("dev", 30_000);
      await up("dev", 40_000, { keepStorage: 0 });
      for (const { reference } of others) assert.ok(await engine().image(reference), reference);
    });
  });
});

describe("npm run prune on an engine with the containerd store", function () {
  this.timeout(180_000);
  const project = useImageProject("prune-containerd", "containerd");

  it("removes the same, but says that its bytes are about right", async () => {
    const { engine } = project.test;
    const stateDir = `${project.test.folder}/state`;
    const states: ImageState[] = [];
    for (const text of ["a", "b"]) {
      project.write("app/src/main.sh", `echo ${text.repeat(100_000)}\n`);
      const inputs = await project.inputsOf([project.definition("app"), project.definition("base")]);
      for (const name of ["base", "app"]) await image.create("urn", inputs[name]!, project.session());
      states.push(inputs.app as ImageState);
    }
    const content = await readContent(engine);
    const ledger = await readTagLedger(stateDir, (await engine.info()).id);
    const made = planPrune(content, ledger, {
      settings: new Map([["dev", { versions: 1 }]]),
      stacksWithState: new Set(),
      volumes: false,
      now: Date.now(),
      olderThan: 365 * 86_400_000,
      keepBytes: 1e12,
    });
    assert.equal(made.isExact, false);
    assert.deepEqual(
      made.versions.map(({ reference }) => reference),
      [states[0]!.reference],
    );
    const signal = new AbortController().signal;
    const { freed } = await runPrune(made, content.disk, { engine, stack: "dev", stateDir, signal });
    console.log(`      said ${made.bytes} bytes, freed ${freed}`);
    assert.equal(await engine.image(states[0]!.reference), undefined);
    assert.ok(await engine.image(states[1]!.reference));
  });
});
