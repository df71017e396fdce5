import assert from "node:assert/strict";
import {
  changedParts,
  forecast,
  rebuildsOf,
  type EarlierImage,
  type ImageThere,
} from "../../lib/images/rebuilds.ts";
import type { ImagePlan } from "../../lib/images/types.ts";

/** runtime ← devel, runtime ← service ← child; each on the engine as built by the hash "1". */
const below: Record<string, string[]> = {
  runtime: [],
  devel: ["runtime"],
  service: ["runtime"],
  child: ["service", "runtime"],
};
const layers: Record<string, string[]> = {
  runtime: ["r"],
  devel: ["r", "d"],
  service: ["r", "s"],
  child: ["r", "s", "c"],
};
const referenceOf = (name: string, hash = "1"): string => `localhost:1/dev/${name}:x-${hash}`;

function planOf(change: Partial<Record<string, Partial<ImagePlan>>> = {}): ImagePlan[] {
  return Object.entries(below).map(([name, [base, ...basesBelow]]) => ({
    name,
    reference: referenceOf(name, change[name]?.hash),
    tags: [`${name}:1`],
    parents: base ? [base] : [],
    hash: "1",
    parts: { "file a": "1" },
    ...(base && { base: referenceOf(base, change[base]?.hash), basesBelow }),
    context: "/",
    dockerfile: "Dockerfile",
    args: {},
    contexts: {},
    secrets: {},
    pins: {},
    rebuild: { count: 0, noCache: false },
    ...change[name],
  }));
}

function engineOf(change: Partial<Record<string, ImageThere | undefined>> = {}) {
  const images = new Map<string, ImageThere | undefined>(
    Object.keys(below).map((name) => [
      referenceOf(name),
      { id: name, tags: [referenceOf(name), `${name}:1`], layers: layers[name]! },
    ]),
  );
  for (const [name, image] of Object.entries(change)) images.set(referenceOf(name), image);
  return (reference: string): ImageThere | undefined => images.get(reference);
}

const earlier = new Map<string, EarlierImage>(
  Object.keys(below).map((name) => [name, { hash: "1", parts: { "file a": "1" } }]),
);
const facts = (
  change: Parameters<typeof planOf>[0] = {},
  gone: Parameters<typeof engineOf>[0] = {},
  previous: ReadonlyMap<string, EarlierImage> = earlier,
) => ({ plan: planOf(change), previous, onEngine: engineOf(gone) });

const listed = (...args: Parameters<typeof facts>): string[] =>
  rebuildsOf(facts(...args)).map(({ image, reasons }) => `${image}: ${reasons.join(", ")}`);

describe("rebuildsOf", () => {
  it("lists nothing where all is as it was", () => {
    assert.deepEqual(listed(), []);
    assert.deepEqual(
      forecast(facts()).map(({ will }) => will),
      ["nothing", "nothing", "nothing", "nothing"],
    );
  });

  it("lists everything as new where nothing ever was", () => {
    const nothing = { runtime: undefined, devel: undefined, service: undefined, child: undefined };
    assert.deepEqual(listed({}, nothing, new Map()), [
      "runtime: new",
      "devel: new",
      "service: new",
      "child: new",
    ]);
  });

  it("lists a changed image with what changed", () => {
    assert.deepEqual(listed({ devel: { hash: "2", parts: { "file a": "2", "argument CUDA": "12.8" } } }), [
      "devel: file a, argument CUDA is 12.8",
    ]);
  });

  it("lists a vanished image, and all that stand on it, whatever comes out", () => {
    assert.deepEqual(listed({}, { service: undefined }), [
      "service: gone from the engine",
      "child: its base is built again",
    ]);
    assert.deepEqual(listed({}, { runtime: undefined }), [
      "runtime: gone from the engine",
      "devel: its base is built again",
      "service: its base is built again",
      "child: its base is built again",
    ]);
  });

  it("lists what stands on other layers than its base, and what stands on that", () => {
    const astray = { id: "astray", tags: ["service:1"], layers: ["old", "s"] };
    assert.deepEqual(listed({}, { service: astray }), [
      "service: it stands on other layers than its base",
      "child: its base is built again",
    ]);
  });

  it("does not list what BuildKit puts on other layers each time", () => {
    const astray = { id: "astray", tags: ["service:1"], layers: ["old", "s"] };
    const belongsOn = (image: ImageThere): boolean => image.id !== "child";
    assert.deepEqual(
      rebuildsOf({ ...facts({}, { service: astray }), belongsOn }).map(({ image }) => image),
      ["child"],
    );
  });

  it("does not list an earlier content that is still there, nor a moved tag", () => {
    const later = new Map(earlier).set("devel", { hash: "2", parts: { "file a": "2" } });
    const moved = { id: "child", tags: [referenceOf("child")], layers: layers.child! };
    const seen = forecast(facts({}, { child: moved }, later)).map(
      ({ image, will, reasons }) => `${image}: ${will} ${reasons.join()}`,
    );
    assert.deepEqual(seen, [
      "runtime: nothing ",
      "devel: reuse file a",
      "service: nothing ",
      "child: retag tag child:1",
    ]);
  });

  it("never lists a pinned version, and says where it is gone", () => {
    const pin = { devel: { mustExist: true, hash: "0", reference: referenceOf("devel") } };
    assert.deepEqual(listed(pin), []);
    assert.deepEqual(listed(pin, { devel: undefined }), []);
    assert.equal(forecast(facts(pin, { devel: undefined }))[1]!.will, "missing");
  });
});

describe("changedParts", () => {
  it("names what changed in a user's words", () => {
    assert.deepEqual(
      changedParts(
        {
          dockerfile: "1",
          "argument CUDA": "12.6",
          "argument OLD": "1",
          "file a": "x",
          platform: "linux/amd64",
        },
        {
          dockerfile: "2",
          "argument CUDA": "12.8",
          "argument NEW": "",
          "file b": "x",
          platform: "linux/arm64",
        },
      ),
      [
        "Dockerfile",
        "argument CUDA 12.6 → 12.8",
        'argument NEW is ""',
        "file b",
        "platform linux/amd64 → linux/arm64",
        "argument OLD no longer used",
        "file a",
      ],
    );
    assert.deepEqual(
      changedParts({ "external os:1": "1", "parent a": "1" }, { "external os:1": "2", rebuild: "1" }),
      ["external os:1", "rebuild asked for", "parent a"],
    );
  });
});
