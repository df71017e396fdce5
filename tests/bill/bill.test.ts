import assert from "node:assert/strict";
import { join } from "node:path";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { heldBy } from "../../lib/bill/engine-state.ts";
import { readBuild, type ImageBuild } from "../../lib/bill/build-steps.ts";
import type { BillFacts } from "../../lib/bill/facts.ts";
import { makeBill } from "../../lib/bill/make-bill.ts";
import { packagesOf } from "../../lib/bill/packages.ts";
import { billLines, diskWarning } from "../../lib/bill/words.ts";
import { missingLayers } from "../../lib/bill/image-layers.ts";
import { hashMark, type BuildNote } from "../../lib/bill/build-notes.ts";
import { readPylock } from "../../lib/locks/wheel-files.ts";
import { writtenPlan } from "./written-plan.ts";

const hash = (digit: string) => digit.repeat(64);
const root = join(import.meta.dirname, "..", "..");

describe("the bill", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gbh-bill-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (text: string, args?: Record<string, string>, parts?: Record<string, string>) =>
    readBuild(writtenPlan(folder, text, args, parts), () => undefined);
  function lock(name: string, entries: Record<string, number | undefined>): string {
    const path = join(folder, name);
    mkdirSync(join(path, ".."), { recursive: true });
    const names = Object.keys(entries);
    writeFileSync(
      path,
      names.map((one, at) => `${one}==1.0 \\\n    --hash=sha256:${hash(String(at + 1))}\n`).join(""),
    );
    const sizes = names.flatMap((one, at) =>
      entries[one] === undefined ? [] : [[hash(String(at + 1)), entries[one]]],
    );
    writeFileSync(`${path}.sizes.json`, JSON.stringify(Object.fromEntries(sizes)));
    return path;
  }
  const facts = (build: ImageBuild, further: Partial<BillFacts> = {}): BillFacts => ({
    stack: "dev",
    images: [{ name: "app", parents: [], isBuilt: true, emptiesCaches: false, build }],
    packages: new Map(),
    pages: [],
    bases: [],
    remotes: new Map(),
    events: [],
    references: new Set(),
    basis: "engine",
    problems: [],
    cached: new Set(),
    held: new Map(),
    notes: [],
    ...further,
  });
  const uv =
    "RUN --mount=type=cache,id=uv,target=/root/.cache/uv --mount=type=bind,source=a.lock,target=/run/a.lock uv pip install -r /run/a.lock\n";

  it("charges each package once, nothing that a mount holds, and names what has no size", async () => {
    const path = lock("a.lock", { torch: 800e6, numpy: 20e6, odd: undefined });
    const build = await read(`FROM busybox:1\n${uv}`);
    const packages = new Map([[path, await packagesOf(path, "3.10")]]);
    const first = makeBill(facts(build, { packages }));
    assert.equal(first.fetch.bytes, 820e6);
    assert.deepEqual(first.fetch.unknown, ["odd 1.0: no size is written down, and the index did not say"]);
    const held = new Map([["/root/.cache/uv", new Set([hashMark(hash("1"))])]]);
    const second = makeBill(facts(build, { packages, held }));
    assert.deepEqual([second.fetch.bytes, second.fetch.held], [20e6, 800e6]);
    assert.ok(second.disk.bytes! > 1.9 * 800e6, "its layer is written all the same");
    assert.ok(first.disk.bytes! - second.disk.bytes! > 1.9 * 800e6, "and the mount does not grow");
    const cached = new Set(build.steps.map(({ key }) => key));
    const third = makeBill(facts(build, { packages, cached }));
    assert.deepEqual([third.fetch.bytes, third.disk.bytes, third.fetch.unknown], [0, 0, []]);
  });

  it("believes a note only as long as BuildKit has the step and the mount", () => {
    const note: BuildNote = {
      ...{ stack: "dev", image: "app", reference: "x", time: "", key: "k", aptBytes: 0, seconds: 1 },
      steps: [{ key: "one", work: "w", text: "RUN make it", ran: true, seconds: 1 }],
      mounts: [{ id: "m1", target: "/root/.cache/uv", bytes: 1, files: ["f"] }],
    };
    const common = { parents: [], bytes: 0, inUse: false, shared: false, lastUsed: 0 };
    const step = { ...common, id: "s", type: "regular", description: "mount / from exec /bin/sh -c make it" };
    const mount = {
      ...common,
      id: "m1",
      type: "exec.cachemount",
      description: "cached mount /root/.cache/uv from exec x",
    };
    const there = heldBy([note], [step, mount]);
    assert.deepEqual([[...there.cached], [...(there.held.get("/root/.cache/uv") ?? [])]], [["one"], ["f"]]);
    const emptied = heldBy([note], [{ ...mount, id: "m2" }]);
    assert.deepEqual([emptied.cached.size, emptied.held.size], [0, 0]);
  });

  it("counts apt's lists on the disk where its cache mount is empty", async () => {
    const apt = "--mount=type=cache,target=/var/cache/apt apt-get update && apt-get install -y ffmpeg\n";
    const build = await read(`FROM busybox:1\nRUN ${apt}`);
    const empty = makeBill(facts(build, {}));
    const held = new Map([["/var/cache/apt", new Set(["apt of another step"])]]);
    const begun = makeBill(facts(build, { held }));
    assert.equal(empty.disk.bytes! - begun.disk.bytes!, 160e6);
    assert.equal(empty.fetch.bytes, begun.fetch.bytes);
  });

  it("warns where the disk is too small, and says how long it takes and by what that is judged", async () => {
    const path = lock("a.lock", { torch: 800e6 });
    const build = await read(`FROM busybox:1\n${uv}`);
    const packages = new Map([[path, await packagesOf(path, "3.10")]]);
    const room = { free: 1e9, total: 2e9, freeFiles: 1, totalFiles: 1 };
    const bill = makeBill(facts(build, { packages, room }));
    assert.equal(bill.disk.fits, false);
    assert.match(diskWarning(bill)!, /^the build needs 3\.1 GB of disk and 1 GB are free; make room/);
    assert.equal(diskWarning(makeBill(facts(build, { packages }))), undefined);
    assert.equal(bill.minutes.basis, "estimate");
    assert.deepEqual(billLines(bill).slice(0, 2), [
      "to fetch 800 MB: torch 1.0 800 MB",
      "disk 3.1 GB, short by 2.1 GB",
    ]);
    const noted = {
      key: "x",
      work: build.steps[0]!.work,
      text: build.steps[0]!.text,
      ran: true,
      seconds: 90,
      bytes: 5e6,
    };
    const note: BuildNote = {
      ...{ stack: "cu126", image: "app", reference: "r", time: "", key: "k", aptBytes: 0, seconds: 90 },
      steps: [noted],
      mounts: [],
    };
    const known = makeBill(facts(build, { packages, notes: [note] }));
    assert.equal(known.minutes.basis, "history");
    assert.ok(known.minutes.value! >= 1.5 && known.minutes.value! < 2);
    assert.ok(known.disk.parts.some(({ bytes, why }) => bytes === 5e6 && why === "as in an earlier build"));
  });

  it("names the stacks that have the same layers", async () => {
    const build = await read(`FROM busybox:1\n${uv}`);
    const [step] = build.steps;
    const note = (stack: string, reference: string): BuildNote => ({
      ...{ stack, image: "app", reference, time: "", key: "k", aptBytes: 0, seconds: 1 },
      steps: [{ key: step!.key, work: "w", text: step!.text, ran: true, seconds: 1, bytes: 7e6 }],
      mounts: [],
    });
    const notes = [note("dev", "a"), note("cu126", "b"), note("gone", "c")];
    const cached = new Set([step!.key]);
    const { shared } = makeBill(facts(build, { notes, cached, references: new Set(["a", "b"]) }));
    assert.deepEqual(shared, { bytes: 7e6, stacks: [{ stack: "cu126", images: ["app"], bytes: 7e6 }] });
  });

  it("a layer counts as there only with all below it", () => {
    const layers = ["1", "2", "3"].map((diffId) => ({ digest: diffId, diffId, bytes: 1 }));
    const missing = (...chains: string[][]) => missingLayers(layers, chains).map(({ diffId }) => diffId);
    assert.deepEqual(missing(), ["1", "2", "3"]);
    assert.deepEqual(missing(["2", "3"], ["1", "x"]), ["2", "3"]);
    assert.deepEqual(missing(["1", "2", "3", "4"]), []);
  });
});

describe("sizes of locks", () => {
  it("are read from uv's answer: this platform's wheel first, the source last", () => {
    const file = (name: string, size: number, sha: string) =>
      `{ url = "https://index/${name}", upload-time = 2025-01-01T00:00:00Z, size = ${size}, hashes = { sha256 = "${hash(sha)}" } }`;
    const text =
      `[[packages]]\nname = "multidict"\nversion = "1"\nsdist = ${file("m.tar.gz", 1, "1")}\nwheels = [\n` +
      `    ${file("m-py3-none-any.whl", 2, "2")},\n    ${file("m-cp311-cp311-manylinux_2_28_x86_64.whl", 3, "3")},\n]\n` +
      `[[packages]]\nname = "Docopt"\nversion = "1"\nsdist = ${file("d.tar.gz", 9, "4")}\n`;
    const found = readPylock(text);
    assert.deepEqual(
      found.get("multidict")!.map(({ bytes }) => bytes),
      [3, 2, 1],
    );
    assert.deepEqual(found.get("docopt"), [{ url: "https://index/d.tar.gz", sha256: hash("4"), bytes: 9 }]);
  });

  it("stand beside locks that are there, for all that an index on the way knows", async () => {
    const folders = ["cuda-base", "services/whisperx", "services/infinitetalk"];
    const files = folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(root, folder, name),
      ),
    );
    for (const sizes of files.filter((name) => name.endsWith(".sizes.json")))
      readFileSync(sizes.slice(0, -".sizes.json".length));
    for (const lock of files.filter((name) => name.endsWith(".lock"))) {
      const unknown = (await packagesOf(lock, "3.10")).filter(({ bytes }) => bytes === undefined);
      // Files of PyTorch's own index and of GitHub: nobody could ask for them where the sizes were written.
      const open = unknown.filter(({ name, version }) => !version.includes("+cu") && name !== "flash-attn");
      assert.deepEqual(
        open.map(({ name }) => name),
        [],
        lock,
      );
    }
  });
});
