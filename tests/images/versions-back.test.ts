import assert from "node:assert/strict";
import type { ImageEvent } from "../../lib/images/history.ts";
import { noteVersion } from "../../lib/images/keep-versions.ts";
import { notePromotion } from "../../lib/images/promoted.ts";
import { emptyLedger, type TagLedger } from "../../lib/images/tag-ledger.ts";
import { chooseVersion, followers, versionLines } from "../../lib/images/versions-back.ts";

const hash = (text: string) => text.padEnd(16, "0");
const reference = (image: string, text: string) => `localhost:1/dev/${image}:1-${hash(text)}`;

describe("versions to go back to", () => {
  let ledger: TagLedger;
  beforeEach(() => (ledger = emptyLedger()));

  /** What a run leaves of an image: its tags on a version, made of these parts. */
  function promoted(image: string, text: string, parts: Record<string, string> = { own: text }): void {
    const formerly = ledger.tags[`${image}:1`]?.reference;
    ledger.tags[`${image}:1`] = { stack: "dev", image, reference: reference(image, text) };
    const version = { stack: "dev", image, reference: reference(image, text), hash: hash(text), parts };
    notePromotion({ ...version, tags: [`${image}:1`], isPinned: false }, formerly, ledger);
  }
  const present = (...images: string[]) =>
    new Set(images.flatMap((image) => (ledger.versions[`dev/${image}`] ?? []).map((name) => name)));
  const lines = (history: ImageEvent[] = []) =>
    versionLines(ledger, { stack: "dev", name: "app" }, present("app"), history);
  const before = () => chooseVersion(lines())?.reference;

  it("are those before the current one, further back each time, also while pinned", () => {
    for (const text of ["a", "b", "c"]) promoted("app", text);
    assert.equal(before(), reference("app", "b"));
    ledger.tags["app:1"]!.reference = reference("app", "b"); // as a rollback leaves it
    const pin = { stack: "dev", image: "app", hash: hash("b"), parts: {}, tags: [], isPinned: true };
    notePromotion({ ...pin, reference: reference("app", "b") }, reference("app", "c"), ledger);
    assert.equal(before(), reference("app", "a"));
    ledger.tags["app:1"]!.reference = reference("app", "a");
    assert.equal(before(), undefined);
  });

  it("come next after a pin was released: what was in use last is what one goes back to", () => {
    for (const text of ["a", "b", "c"]) promoted("app", text);
    ledger.tags["app:1"]!.reference = reference("app", "a");
    promoted("app", "d");
    assert.equal(before(), reference("app", "a"));
  });

  it("leave out what is gone from the engine and what tags have never been on", () => {
    for (const text of ["a", "b"]) promoted("app", text);
    noteVersion(ledger, "dev", "app", reference("app", "failed"));
    ledger.versions["dev/app"]!.reverse(); // the failed one last, as the ledger has it
    ledger.versions["dev/app"] = [reference("app", "b"), reference("app", "failed"), reference("app", "a")];
    assert.equal(before(), reference("app", "a"));
    const rest = versionLines(ledger, { stack: "dev", name: "app" }, new Set([reference("app", "b")]), []);
    assert.equal(chooseVersion(rest), undefined);
    const event = { reference: reference("app", "failed"), result: "failed" } as ImageEvent;
    assert.equal(lines([event]).length, 2);
    assert.equal(
      lines([{ ...event, result: "built" }]).length,
      3,
      "a ledger from before knows by the history",
    );
  });

  it("are named by number, reference, tag or hash", () => {
    for (const text of ["a", "b", "c"]) promoted("app", text);
    const wanted = reference("app", "a");
    for (const name of ["3", wanted, `1-${hash("a")}`, hash("a")])
      assert.equal(chooseVersion(lines(), name)?.reference, wanted, name);
    for (const name of ["0", "4", "a", hash("d")])
      assert.equal(chooseVersion(lines(), name), undefined, name);
  });

  describe("of a base", () => {
    const images = ["base", "devel", "app"];
    const parent = (image: string, text: string) => ({ [`parent ${image}`]: hash(text) });
    beforeEach(() => {
      promoted("base", "b1");
      promoted("devel", "d1", { own: "d", ...parent("base", "b1") });
      promoted("app", "a1", { own: "a", ...parent("base", "b1"), ...parent("devel", "d1") });
      promoted("base", "b2");
      promoted("devel", "d2", { own: "d", ...parent("base", "b2") });
      promoted("app", "a2", { own: "a", ...parent("base", "b2"), ...parent("devel", "d2") });
    });
    const follow = (targets: [string, string][], pinned: string[] = [], there = present(...images)) => {
      const found = followers(ledger, "dev", images, new Map(targets), new Set(pinned), there);
      return { move: Object.fromEntries(found.move), rebuild: found.rebuild };
    };
    const base: [string, string][] = [["base", reference("base", "b1")]];

    it("take along what stands on it, where it was built on that version with the same files", () => {
      const move = { devel: reference("devel", "d1"), app: reference("app", "a1") };
      assert.deepEqual(follow(base), { move, rebuild: [] });
    });

    it("have it built by the next run where its files have changed since, and what stands on that", () => {
      promoted("devel", "d3", { own: "other", ...parent("base", "b2") });
      promoted("app", "a3", { own: "a", ...parent("base", "b2"), ...parent("devel", "d3") });
      assert.deepEqual(follow(base), { move: {}, rebuild: ["devel", "app"] });
    });

    it("leave alone what is pinned, what goes back itself, and what is gone from the engine", () => {
      const app = { app: reference("app", "a1") };
      const pinnedDevel = follow(base, ["devel"]);
      assert.deepEqual(pinnedDevel, { move: {}, rebuild: ["app"] });
      assert.deepEqual(follow([...base, ["devel", reference("devel", "d1")]]), { move: app, rebuild: [] });
      const there = present("base", "devel");
      assert.deepEqual(follow(base, [], there), {
        move: { devel: reference("devel", "d1") },
        rebuild: ["app"],
      });
      assert.deepEqual(follow([["app", reference("app", "a1")]]), { move: {}, rebuild: [] });
    });
  });
});
