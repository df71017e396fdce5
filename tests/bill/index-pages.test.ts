import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type OutgoingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { billOf, type BillQuestion } from "../../lib/bill/bill.ts";
import { indexPages, type PageOptions } from "../../lib/bill/index-pages.ts";
import type { WantedPackage } from "../../lib/bill/packages.ts";
import type { RunningStep } from "../../lib/bill/steps-to-run.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import { parseSettings } from "../../lib/settings/settings.ts";

describe("pages of the package index", () => {
  let stateDir: string;
  let server: Server | undefined;
  let asked: string[];
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "gbh-pages-"));
    asked = [];
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    rmSync(stateDir, { recursive: true, force: true });
  });

  /** An index on this machine. @param sizes bytes of its pages by package; undefined for one that never comes */
  async function startIndex(
    sizes: Record<string, number | undefined>,
    headers: OutgoingHttpHeaders = {},
  ): Promise<string> {
    server = createServer(({ method, url = "" }, answer) => {
      asked.push(`${method} ${url}`);
      const name = /^\/simple\/([^/]+)\/$/.exec(url)?.[1] ?? "";
      if (!(name in sizes)) return void answer.writeHead(404).end();
      const bytes = sizes[name];
      if (bytes !== undefined) answer.writeHead(200, { ...headers, "content-length": bytes }).end();
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  }

  function step(
    index: string,
    packages: { fetched?: string[]; held?: string[] },
    further: Partial<RunningStep> = {},
  ): RunningStep {
    const named = (names: string[] = []): WantedPackage[] =>
      names.map((name) => ({ name, version: "1.0", marks: [] }));
    return {
      image: "app",
      step: {
        ...{ key: "k", work: "w", label: "stage-0 1", text: "RUN x", isInImage: true, index, apt: false },
        ...{ locks: ["a.lock"], unread: [], pins: [], remotes: [], caches: [], keepsNothing: false },
      },
      fetched: named(packages.fetched),
      held: named(packages.held),
      ...{ heldBefore: 0, fetchesApt: false, beginsApt: false, mount: "/root/.cache/uv" },
      ...further,
    };
  }
  const bill = async (
    running: RunningStep[],
    { limitMs = 10_000, packageIndex }: Partial<PageOptions> = {},
  ) =>
    (await indexPages(running, { stateDir, limitMs, packageIndex })).map(({ what, bytes, why, images }) => ({
      what: what.replace("pages of the package index for ", ""),
      bytes,
      why: why.replace(/127\.0\.0\.1:\d+/, "it"),
      images,
    }));

  it("come anew to every step from an index that lets no copy be kept", async () => {
    const index = await startIndex({ numpy: 1_000, torch: 20, "typing-extensions": 3 });
    const first = step(index, { fetched: ["numpy"], held: ["torch"] });
    const second = step(index, { held: ["numpy", "Typing_Extensions"] }, { image: "web" });
    const why = "it says so; every step asks anew: it lets no copy be kept";
    assert.deepEqual(await bill([first, second]), [
      { what: "3 packages", bytes: 2_023, why, images: ["app", "web"] },
    ]);
    assert.deepEqual((await bill([second]))[0]!.bytes, 1_003);
  });

  it("come once from an index whose copies stay fresh, but to every step that keeps nothing", async () => {
    const index = await startIndex({ numpy: 1_000 }, { "cache-control": "max-age=600, public" });
    const kept = step(index, { held: ["numpy"] });
    const { mount: _, ...unkept } = step(index, { fetched: ["numpy"] });
    assert.equal((await bill([kept, kept]))[0]!.bytes, 1_000);
    assert.equal((await bill([kept, unkept, unkept]))[0]!.bytes, 3_000);
  });

  it("come for what is fetched only where the index can say that a page is the same", async () => {
    const index = await startIndex({ numpy: 1_000, torch: 20 }, { etag: '"a"' });
    const one = step(index, { fetched: ["torch"], held: ["numpy"] });
    assert.deepEqual(await bill([one, one]), [
      { what: "1 package", bytes: 20, why: "it says so", images: ["app"] },
    ]);
    assert.deepEqual(await bill([step(index, { held: ["torch", "numpy"] })]), []);
  });

  it("are asked for once a week", async () => {
    const index = await startIndex({ numpy: 1_000 });
    const one = step(index, { fetched: ["numpy"] });
    const first = await bill([one]);
    assert.deepEqual(asked, ["HEAD /simple/numpy/"]);
    assert.deepEqual(await bill([one]), first);
    assert.equal(asked.length, 1);
    const file = join(stateDir, "index-pages.json");
    const [[url, page]] = Object.entries(JSON.parse(readFileSync(file, "utf8"))) as [[string, object]];
    const old = Date.now() - 8 * 24 * 3_600_000;
    for (const text of [JSON.stringify({ [url]: { ...page, asked: old } }), '{"x": 1}', "no JSON"]) {
      writeFileSync(file, text);
      assert.deepEqual(await bill([one]), first, text);
    }
    assert.equal(asked.length, 4);
  });

  it("count as the mean of the others where the index is slow, and are unknown where it is silent", async () => {
    const slow = await startIndex({ numpy: 1_000, torch: 20, slow: undefined });
    const why = "it says so; 1 that it did not say in time count as the mean of the others";
    assert.deepEqual(await bill([step(slow, { fetched: ["numpy", "torch", "slow"] })], { limitMs: 1_000 }), [
      { what: "3 packages", bytes: 1_530, why, images: ["app"] },
    ]);
    const silent = { bytes: null, why: "it does not say how much they are", images: ["app"] };
    assert.deepEqual(await bill([step(slow, { fetched: ["slow"] })], { limitMs: 200 }), [
      { what: "1 package", ...silent },
    ]);
    server!.closeAllConnections();
    await new Promise((resolve) => server!.close(resolve));
    assert.deepEqual(await bill([step(slow, { fetched: ["other"] })]), [{ what: "1 package", ...silent }]);
  });

  it("are asked for by GET where a HEAD has no length; what the index does not have costs nothing", async () => {
    const index = await startIndex({ numpy: 1_000 });
    server!.removeAllListeners("request");
    server!.on("request", ({ method, url }, answer) => {
      asked.push(`${method} ${url}`);
      if (url !== "/simple/numpy/") return answer.writeHead(404).end();
      if (method === "HEAD") answer.writeHead(200).end();
      else answer.writeHead(200, { "content-length": 1_000 }).write("the beginning"); // and never more
    });
    assert.equal((await bill([step(index, { fetched: ["numpy", "own"] })]))[0]!.bytes, 1_000);
    assert.deepEqual(asked.sort(), ["GET /simple/numpy/", "HEAD /simple/numpy/", "HEAD /simple/own/"]);
  });

  it("are asked of torch's index too, of none for files with an address, and of none that has a login", async () => {
    const index = await startIndex({ torch: 20, numpy: 1_000 });
    const marks: string[] = [];
    const fetched: WantedPackage[] = [
      { name: "torch", version: "2.7.1+cu128", marks },
      { name: "numpy", version: "2.0.2", marks, isAtAddress: true },
    ];
    const parts = await bill([step(index, {}, { fetched })], {
      packageIndex: `${index.replace("127.0.0.1", "localhost")}/`,
    });
    assert.deepEqual(
      parts.map(({ bytes }) => bytes),
      [20, 20],
    );
    const [part] = await bill([step("https://me:secret@index.test/simple", { fetched: ["torch"] })]);
    assert.deepEqual([part!.bytes, part!.why], [null, "an index with a login is not asked"]);
  });

  it("are a part of the bill of what is built, by the index that the Dockerfile names", async () => {
    const index = await startIndex({ numpy: 1_000, torch: 20 });
    const folder = mkdtempSync(join(stateDir, "app-"));
    const hash = (digit: string) => digit.repeat(64);
    writeFileSync(
      join(folder, "a.lock"),
      `numpy==2.0.2 --hash=sha256:${hash("1")}\ntorch==2.7.1 --hash=sha256:${hash("2")}\n`,
    );
    writeFileSync(join(folder, "a.lock.sizes.json"), JSON.stringify({ [hash("1")]: 7, [hash("2")]: 8 }));
    writeFileSync(
      join(folder, "Dockerfile"),
      `FROM scratch\nARG UV_DEFAULT_INDEX\nRUN --mount=type=cache,target=/root/.cache/uv --mount=type=bind,source=a.lock,target=/a.lock uv pip install -r /a.lock\n`,
    );
    const settings = parseSettings({
      ...{ stack: "dev", root: folder, stateDir, file: "Pulumi.dev.yaml", values: {} },
      readSandboxFacts: () => assert.fail("no sandbox here"),
    });
    const plan: ImagePlan = {
      ...{ name: "app", tags: [], reference: "r", hash: "h", parts: {}, parents: [], pins: {}, secrets: {} },
      ...{ context: folder, dockerfile: "Dockerfile", args: { UV_DEFAULT_INDEX: index }, contexts: {} },
      rebuild: { count: 0, noCache: false },
    };
    const question = { settings, plan: [plan], rebuilds: [{ image: "app" }] };
    const bytesOf = async (further: Partial<BillQuestion>) => {
      const { fetch } = await billOf({ ...question, ...further });
      return [fetch.bytes, fetch.unknown.length];
    };
    assert.deepEqual(await bytesOf({ askIndex: false }), [15, 0]);
    assert.deepEqual(await bytesOf({ rebuilds: [] }), [0, 0]);
    assert.deepEqual(asked, []);
    assert.deepEqual(await bytesOf({}), [1_035, 0]);
  });
});
