import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readUsage, type CacheUsage } from "../../lib/cache-store/usage.ts";
import { usedTogether } from "../../lib/report/cache-use.ts";
import { cacheParts, cacheVolumes } from "../../lib/report/cache-volumes.ts";
import { makeReport } from "../../lib/report/make-report.ts";
import { reportPage } from "../../lib/report/page/page.ts";
import { settingsOf } from "../doctor/fed-facts.ts";
import { madeFacts } from "./made-facts.ts";

const report = makeReport(madeFacts());
const pageFolder = join(import.meta.dirname, "../../lib/report/page");

describe("a report's disk", () => {
  it("has a row for each kind of cache, of this stack only, each with its own limit", () => {
    const rows = report.disk!.parts.slice(3).map(({ kind, what, bytes, limit, limitedBy }) => ({
      ...{ kind, what, bytes, limit, limitedBy },
    }));
    assert.deepEqual(rows, [
      {
        ...{ kind: "registry-cache", what: "registry caches", bytes: 1_512e6 },
        ...{ limit: 2e9, limitedBy: "registryCache.maxSize" },
      },
      {
        ...{ kind: "package-cache", what: "package cache", bytes: 11.4e9, limit: 45e9 },
        limitedBy: "packageCache: pythonStorage, debianStorage, wheelStorage",
      },
      {
        ...{ kind: "build-cache-registry", what: "build cache registry", bytes: 3.2e9 },
        ...{ limit: undefined, limitedBy: undefined },
      },
      {
        ...{ kind: "other-volumes", what: "other volumes of this stack", bytes: 75e6 },
        ...{ limit: undefined, limitedBy: undefined },
      },
    ]);
  });

  it("names the volumes of several registry caches", () => {
    const { volumes } = report.disk!.parts.find(({ kind }) => kind === "registry-cache")!;
    assert.deepEqual(volumes, [
      { name: "gpu-build-host-dev-registry-cache", of: "docker.io", bytes: 412e6 },
      { name: "gpu-build-host-dev-registry-cache-nvcr.io", of: "nvcr.io", bytes: 1.1e9 },
    ]);
  });

  it("measures a volume that was taken over by its name, whoever made it", () => {
    const caches = cacheVolumes(settingsOf({ registryCache: { volume: "localai_registry-cache" } }));
    const adopted = [{ name: "localai_registry-cache", bytes: 7e9 }];
    const labelled = { name: "localai_registry-cache", stack: "other", bytes: 6e9, inUse: true };
    const bytes = (content: Parameters<typeof cacheParts>[2]) =>
      cacheParts(caches, "dev", content).map((part) => [part.what, part.bytes]);
    assert.deepEqual(bytes({ volumes: [], adopted }), [["registry cache", 7e9]]);
    assert.deepEqual(bytes({ volumes: [labelled], adopted: [] }), [["registry cache", 6e9]]);
    assert.deepEqual(bytes({ volumes: [], adopted: [] }), [["registry cache", 0]]);
  });

  it("has no row for a cache that is off or another stack's", () => {
    const external = { registryCache: { mode: "external" }, packageCache: { mode: "external" } };
    assert.deepEqual(cacheVolumes(settingsOf(external)), []);
    const kinds = (values: Record<string, unknown>) =>
      cacheVolumes(settingsOf(values)).map((one) => one.kind);
    assert.deepEqual(kinds({}), ["registry-cache"]);
    assert.deepEqual(kinds({ buildCache: { type: "registry", ref: "registry.example/steps" } }), [
      "registry-cache",
    ]);
    assert.deepEqual(kinds({ buildCache: { type: "inline", port: 5005 } }), [
      "registry-cache",
      "build-cache-registry",
    ]);
  });

  it("adds up the package cache's own storages", () => {
    const packageCache = { mode: "own", pythonStorage: "2GB", debianStorage: "500MB", wheelStorage: "1GiB" };
    const found = cacheVolumes(settingsOf({ packageCache })).find(({ kind }) => kind === "package-cache");
    assert.equal(found!.limit, 2.5e9 + 1024 ** 3);
  });

  it("counts the requests to several caches together, since the first of them", () => {
    const usage = (changes: Partial<CacheUsage>): CacheUsage => ({ ...readUsage(undefined), ...changes });
    const first = usage({ since: 2000, requests: 10, hits: 4, fetchedBytes: 600 });
    const second = usage({ since: 1000, requests: 2, hits: 2, fetchedBytes: 5 });
    const unused = usage({ since: 1, requests: 0, fetchedBytes: 9 });
    assert.deepEqual(usedTogether([first, second, unused]), {
      requests: 12,
      hits: 6,
      pulledBytes: 605,
      since: "1970-01-01T00:00:01.000Z",
    });
    assert.equal(usedTogether([unused]), undefined);
  });

  it("is a table with a bar for each limit, red only where that cache is over its own", async () => {
    const section = async (facts = madeFacts()): Promise<string> =>
      /<section id="disk"[\s\S]*?<\/section>/.exec(await reportPage(makeReport(facts)))![0];
    const page = await section();
    assert.match(page, /registry caches\s*<small\s*>docker\.io 412 MB, nvcr\.io 1\.1 GB<\/small/);
    assert.match(page, /<small\s*>gpu-build-host-dev-registry-cache-ghcr\.io 75 MB<\/small/);
    assert.ok(!page.includes('class="failed"'));
    const facts = madeFacts();
    facts.engine!.content.volumes.find(({ name }) => name.endsWith("package-cache"))!.bytes = 46e9;
    const over = (await section(facts)).split("<tr>").filter((row) => row.includes('class="failed"'));
    assert.equal(over.length, 1);
    assert.match(over[0]!, /package cache/);
  });

  for (const scheme of ["light", "dark"] as const)
    it(`gives every part a colour of its own that is seen on the page in ${scheme}`, async () => {
      const style = readFileSync(join(pageFolder, "style.css"), "utf8");
      const [light, dark] = style.split("prefers-color-scheme: dark") as [string, string];
      const color = (name: string): string =>
        new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(scheme === "light" ? light : dark)![1]!;
      const page = await reportPage(report);
      const section = /<section id="disk"[\s\S]*?<\/section>/.exec(page)![0];
      const classes = [...section.matchAll(/class="swatch (\w+)"/g)].map(([, name]) => name!);
      assert.equal(classes.length, report.disk!.parts.length + 1, "and one for other files");
      const colors = classes.slice(0, -1).map((name) => {
        const variable = new RegExp(`^\\.${name} \\{\\s*background: var\\(--([\\w-]+)\\)`, "m").exec(
          style,
        )?.[1];
        assert.ok(variable, `no rule for .${name}`);
        return color(variable);
      });
      assert.equal(new Set(colors).size, colors.length, colors.join());
      for (const one of colors)
        for (const ground of ["surface", "bg"])
          assert.ok(contrast(one, color(ground)) >= 3, `${one} on ${ground} in ${scheme}`);
    });
});

/** Contrast of two colours such as `"#3b72e8"` as WCAG defines it, 1–21; what is no text needs 3. */
function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
