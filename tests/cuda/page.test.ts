import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { check, resolveConfig } from "prettier";
import { formatJson } from "../../lib/cuda/compat/format-json.ts";
import { pageFile } from "../../lib/cuda/compat/write.ts";
import { cudaData, dataFile } from "../../lib/cuda/data.ts";
import { compatibilityPage } from "../../lib/cuda/page.ts";

describe("docs/cuda-compatibility.md", () => {
  it("is what the data say (npm run lock -- compat --page writes it anew)", () => {
    assert.equal(readFileSync(pageFile, "utf8"), compatibilityPage(cudaData()));
  });

  it("has every fact and every source, linked", () => {
    const page = compatibilityPage(cudaData());
    const { sources, schemaVersion: _, updated, ...sections } = cudaData();
    for (const [id, { url }] of Object.entries(sources)) {
      assert.match(page, new RegExp(`[|(] ?.*\\[${id.replaceAll(".", "\\.")}\\]`), id);
      assert.ok(page.includes(`\n[${id}]: ${url}\n`), id);
    }
    assert.ok(page.includes(updated));
    const rows = page.split("\n").filter((line) => /^\| (?!---)/.test(line));
    const facts = Object.entries(sections).filter(([name]) => !/Statements$/.test(name));
    const tables = page.match(/^\| ---/gm)?.length;
    assert.equal(tables, facts.length, "a table for each section");
    assert.equal(
      rows.length - tables,
      facts.reduce((sum, [, section]) => sum + section.length, 0),
    );
    for (const { text } of [...sections.hostStatements, ...sections.buildStatements])
      assert.ok(page.includes(`- ${text} (`), text);
  });

  it("says why something is not known", () => {
    const data = structuredClone(cudaData());
    Object.assign(data.pytorchReleases[0]!, { triton: null, unknown: { triton: "nobody says so" } });
    assert.match(compatibilityPage(data), /^- 2\.3\.0: triton not known: nobody says so\.$/m);
  });

  it("keeps a bar in a text from ending the cell", () => {
    const data = structuredClone(cudaData());
    data.packageClashes[0]!.fix = "Take a | b";
    assert.ok(compatibilityPage(data).includes("Take a \\| b"));
  });
});

describe("formatJson", () => {
  it("writes the data as the project's formatter does", async () => {
    const text = formatJson(cudaData());
    assert.equal(readFileSync(dataFile, "utf8"), text);
    assert.ok(await check(text, { ...(await resolveConfig(dataFile)), filepath: dataFile }));
  });
});
