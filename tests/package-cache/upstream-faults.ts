import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { pagesAreOldMs, type RunningCaches } from "./running-caches.ts";
import type { Fault, SmallIndex } from "./small-index.ts";

const whole = 200_000;
/** How an answer can end too early. */
const cuts = ["cut", "cut in chunks", "cut without length", "stall"] as const;
const fileOf = (cut: (typeof cuts)[number], ending: "whl" | "deb") => `part-${cuts.indexOf(cut)}.${ending}`;

/** What the index of {@link describeFaults} must have. */
export const filesToCut = Object.fromEntries(
  cuts
    .flatMap((cut) => [fileOf(cut, "whl"), fileOf(cut, "deb")])
    .map((file) => [file, Buffer.alloc(whole, 7)]),
);

/** Caches that work, before an index that does not. */
export function describeFaults(given: () => { caches: RunningCaches; index: SmallIndex }): void {
  describe("before an upstream that fails", () => {
    const indexFile = "http://debian.test/simple/six/dists/InRelease";
    let caches: RunningCaches;
    let index: SmallIndex;
    let page: string;
    let text: string;
    let bytes: number;

    before(async () => {
      ({ caches, index } = given());
      page = `/http/127.0.0.1:${index.port}/simple/six/`;
      text = await caches.text(page);
      bytes = await caches.fetchDebian(indexFile);
      await sleep(pagesAreOldMs);
    });
    afterEach(() => void (index.fault = undefined));

    for (const status of [429, 500, 502, 503, 504]) {
      it(`give the old page for status ${status}`, async () => {
        index.fault = status;
        const asked = index.requests.length;
        assert.equal(await caches.text(page), text);
        assert.equal(index.requests.length, asked + 1);
        if (status === 429) return; // Squid passes on what is below 500
        assert.equal(await caches.fetchDebian(indexFile), bytes);
        assert.ok(index.requests.length > asked + 1);
      });
    }

    it("give the old page for silence, before pip gives up after 15 s, and an error where there is none", async () => {
      index.fault = "silence";
      const began = Date.now();
      const came = await Promise.all([
        caches.text(page),
        caches.status(page.replace("six", "big")),
        caches.fetchDebian(indexFile),
      ]);
      assert.deepEqual(came, [text, 502, bytes]);
      const seconds = (Date.now() - began) / 1000;
      assert.ok(seconds > 6 && seconds < 15, `${seconds} s`);
    });

    for (const cut of cuts) {
      it(`never keep a part of a wheel or of a Debian package: ${cut}`, async () => {
        await keepsTheWholeOnly(cut, () => caches.fetchPython(`/files/${fileOf(cut, "whl")}`));
        await keepsTheWholeOnly(cut, () =>
          caches.fetchDebian(`http://debian.test/files/${fileOf(cut, "deb")}`),
        );
      });
    }

    async function keepsTheWholeOnly(fault: Fault, ask: () => Promise<number>): Promise<void> {
      index.fault = fault;
      const asked = index.requests.length;
      const came = await ask().catch(() => 0);
      assert.ok(came < whole, `${came} bytes came`);
      assert.equal(index.requests.length, asked + 1);
      index.fault = undefined;
      assert.deepEqual([await ask(), await ask()], [whole, whole]);
      assert.equal(index.requests.length, asked + 2, "fetched once more, and then kept");
    }
  });
}
