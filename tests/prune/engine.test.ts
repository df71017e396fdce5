import assert from "node:assert/strict";
import { holdVersion } from "../../lib/images/in-work.ts";
import { readTagLedger } from "../../lib/images/tag-ledger.ts";
import { readDiskUse } from "../../lib/prune/content.ts";
import { image, type ImageState } from "../../provider/image.ts";
import { patient, usePruneProject } from "./prune-project.ts";

describe("npm run prune on an engine", function () {
  this.timeout(180_000);
  const { project, engine, stateDir, docker, up, plan, run, names, images, ...more } =
    usePruneProject("prune");
  const { write, session } = project;
  const { bytesOnDisk, buildFolder, foreignImages } = more;

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
    await buildFolder(
      "on-top",
      "--tag",
      "wheel:1",
      "--build-context",
      `dev-app=docker-image://${first.reference}`,
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

  it("knows what a cache mount holds after it has grown, which BuildKit does not", async () => {
    write(
      "mount/Dockerfile",
      "FROM busybox:1\nARG BYTES\nRUN --mount=type=cache,target=/kept head -c $BYTES /dev/urandom > /kept/$BYTES\n",
    );
    const use = async (bytes: number): Promise<number> => {
      await buildFolder("mount", "--build-arg", `BYTES=${bytes}`);
      return (await readDiskUse(engine())).cache;
    };
    const first = await use(1_000_000);
    const grown = (await use(9_000_000)) - first;
    assert.ok(grown >= 9_000_000 && grown < 9_200_000, `${grown} bytes more`);
  });

  it("does not disturb a build that runs", async () => {
    write(
      "slow/Dockerfile",
      "FROM busybox:1 AS work\nRUN head -c 3000 /dev/urandom > /first\nRUN sleep 6; cat /first > /second\nFROM busybox:1\nCOPY --from=work /second /\n",
    );
    const build = buildFolder("slow", "--tag", "slow:1");
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
});

describe("npm run prune on an engine with the containerd store", function () {
  this.timeout(180_000);
  const { engine, up, plan, run, images } = usePruneProject("prune-containerd", "containerd");

  it("removes the same, but says that its bytes are about right", async () => {
    const states = [await up("dev", 50_000), await up("dev", 60_000), await up("dev", 70_000)];
    const made = await plan(patient);
    assert.equal(made.isExact, false);
    assert.deepEqual(
      images(made).map(({ name }) => name),
      [states[0]!.reference],
    );
    const { freed } = await run(made);
    console.log(`      said ${made.bytes} bytes, freed ${freed}`);
    assert.equal(await engine().image(states[0]!.reference), undefined);
    assert.ok(await engine().image(states[1]!.reference));
  });
});
