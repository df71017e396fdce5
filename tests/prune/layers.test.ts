import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesByRemoval, bytesOfLayers, layersOf, type LayeredImage } from "../../lib/docker/layers.ts";
import { beyondStorage, type FormerVersion } from "../../lib/images/keep-storage.ts";
import { bytesOf, millisecondsOf } from "../../lib/settings/quantities.ts";

/** An image of layers such as `["base", "torch"]`; each letter of a name is a byte. */
function image(id: string, names: string[]): LayeredImage {
  const layers = names.map((name, index) => ({
    chain: names.slice(0, index + 1).join(" "),
    bytes: name.length,
  }));
  return { id, layers };
}

/** A few images that stand on each other's layers. */
const someImages = fc
  .array(fc.array(fc.constantFrom("a", "bb", "ccc", "dddd"), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((all) => all.map((names, index) => image(`image${index}`, names)));

describe("bytes of images that go together", () => {
  it("do not count layers of images that stay, and count shared ones once, with the last that goes", () => {
    const images = [
      image("current", ["base", "torch", "app"]),
      image("former", ["base", "torch", "code1"]),
      image("older", ["base", "flax", "code2"]),
      image("oldest", ["base", "flax", "code345"]),
    ];
    const removed = ["oldest", "older", "former"];
    assert.deepEqual(
      [...bytesByRemoval(images, removed)],
      [
        ["oldest", "code345".length],
        ["older", "flaxcode2".length],
        ["former", "code1".length],
      ],
    );
  });

  it("do not take two layers for one that have other layers below", () => {
    const images = [image("kept", ["base", "app"]), image("removed", ["other", "app"])];
    assert.equal(bytesByRemoval(images, ["removed"]).get("removed"), "otherapp".length);
  });

  it("add up to what all layers take before and after, whatever the images", () => {
    fc.assert(
      fc.property(someImages, fc.infiniteStream(fc.boolean()), (images, choice) => {
        const removed = images.map(({ id }) => id).filter(() => choice.next().value);
        const rest = images.filter(({ id }) => !removed.includes(id));
        const sum = [...bytesByRemoval(images, removed).values()].reduce((a, b) => a + b, 0);
        assert.equal(sum, bytesOfLayers(images) - bytesOfLayers(rest));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("layersOf", () => {
  const bytes = (digests: string[], history: [string, number][]) =>
    layersOf(
      digests,
      history.map(([CreatedBy, Size]) => ({ CreatedBy, Size })),
    ).map((layer) => layer.bytes);

  it("tells a layer that changed nothing from an instruction without a layer", () => {
    const history: [string, number][] = [
      ['CMD ["sh"]', 0],
      ["RUN /bin/sh -c head /dev/urandom > /x # buildkit", 7],
      ["ENV A=1", 0],
      ["RUN /bin/sh -c true # buildkit", 0],
      ["ADD root", 5],
    ];
    assert.deepEqual(bytes(["a", "b", "c"], history), [5, 0, 7]);
  });

  it("reads the classic builder's words too", () => {
    const history: [string, number][] = [
      ["/bin/sh -c apt-get update", 9],
      ["/bin/sh -c #(nop)  ENV A=1", 0],
      ["/bin/sh -c #(nop) COPY file:1 in / ", 3],
      ['/bin/sh -c #(nop)  CMD ["bash"]', 0],
      ["/bin/sh -c #(nop) ADD file:2 in / ", 50],
    ];
    assert.deepEqual(bytes(["a", "b", "c"], history), [50, 3, 9]);
  });

  it("gives every layer a size where words are missing", () => {
    const history: [string, number][] = [
      ["", 7],
      ["", 0],
      ["", 5],
    ];
    assert.deepEqual(bytes(["a", "b"], history), [5, 7]);
    assert.deepEqual(bytes(["a", "b", "c", "d"], [["", 7]]), [7, 0, 0, 0]);
  });
});

describe("the ceiling for former versions", () => {
  const former = (id: string, repository: string, age: number, created: number): FormerVersion => ({
    reference: `${repository}:${id}`,
    id,
    repository,
    age,
    created,
  });
  const images = [
    image("now", ["base", "x"]),
    image("a1", ["base", "1234567890"]),
    image("a2", ["base", "12345678901234567890"]),
    image("b1", ["base", "123456789012345"]),
  ];
  const formers = [former("a1", "a", 1, 30), former("a2", "a", 2, 10), former("b1", "b", 1, 20)];

  it("lets all stay that fit, layers of current images not counted", () => {
    assert.deepEqual(beyondStorage(images, formers, 45), []);
  });

  it("takes the oldest first, until the rest fits", () => {
    assert.deepEqual(beyondStorage(images, formers, 44), ["a:a2"]);
    assert.deepEqual(beyondStorage(images, formers, 24), ["a:a2", "b:b1"]);
    assert.deepEqual(beyondStorage(images, formers, 0), ["a:a2", "b:b1", "a:a1"]);
  });

  it("keeps of one image the one used last, although it was built first", () => {
    const wentBack = [former("a1", "a", 1, 1), former("a2", "a", 2, 2)];
    assert.deepEqual(beyondStorage(images, wentBack, 10), ["a:a2"]);
  });

  it("removes nothing that costs nothing", () => {
    const twin = [image("now", ["base", "x"]), image("same", ["base", "x"])];
    assert.deepEqual(beyondStorage(twin, [former("same", "a", 1, 1)], 0), []);
  });

  it("ends within the limit for whatever images, and never removes one too many", () => {
    fc.assert(
      fc.property(someImages, fc.nat(20), (all, limit) => {
        const list = all.slice(1).map(({ id }, index) => former(id, `r${index % 2}`, index + 1, index));
        const gone = beyondStorage(all, list, limit);
        const restBytes = (count: number) => {
          const removed = new Set(gone.slice(0, count).map((reference) => reference.split(":")[1]));
          const rest = all.filter(({ id }) => !removed.has(id));
          const stay = list.map(({ id }) => id).filter((id) => !removed.has(id));
          return [...bytesByRemoval(rest, stay).values()].reduce((a, b) => a + b, 0);
        };
        assert.ok(restBytes(gone.length) <= limit);
        if (gone.length > 0) assert.ok(restBytes(gone.length - 1) > limit);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("sizes and times as text", () => {
  it("are read with their units", () => {
    assert.deepEqual(["100GB", "0.5GiB", "1.5MB", "20kB", "7", "0", "2 TB"].map(bytesOf), [
      100e9,
      512 * 1024 ** 2,
      1_500_000,
      20_000,
      7,
      0,
      2e12,
    ]);
    assert.deepEqual(
      ["14d", "36h", "1.5m", "0s"].map(millisecondsOf),
      [1_209_600_000, 129_600_000, 90_000, 0],
    );
  });

  it("are refused where they are none", () => {
    for (const text of ["", "GB", "-1GB", "1e9", "10 gigabytes", "1,5GB", "1iB", "9".repeat(400)])
      assert.equal(bytesOf(text), undefined, text);
    for (const text of ["", "14", "d", "-1d", "1 week", "14D"])
      assert.equal(millisecondsOf(text), undefined, text);
  });
});
