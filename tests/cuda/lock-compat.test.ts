import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { lockCommand } from "../../cli/lock.ts";
import { dataFile } from "../../lib/cuda/data.ts";
import { pageFile } from "../../lib/cuda/compat/write.ts";
import { StandInIndex } from "./stand-in-index.ts";

/** What the command prints, and its exit code. */
async function run(...args: string[]): Promise<{ output: string; code: number | string | undefined }> {
  const [log, code] = [console.log, process.exitCode];
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  process.exitCode = 0;
  try {
    await lockCommand().parseAsync(["compat", ...args], { from: "user" });
    return { output: lines.join("\n"), code: process.exitCode };
  } finally {
    console.log = log;
    process.exitCode = code;
  }
}

describe("npm run lock -- compat", () => {
  const index = new StandInIndex();
  before(async () => {
    await index.open();
    const builds = ["cu126", "cu128"].map((local) => ({
      version: `2.8.0+${local}`,
      isWithoutMetadata: true,
    }));
    index.projects.set("torch", [{ version: "2.8.0", requires: ["triton==3.4.9"] }, ...builds]);
    for (const [name, version] of [
      ["torchvision", "0.23.0"],
      ["torchaudio", "2.8.0"],
      ["xformers", "0.0.32.post2"],
      ["whisperx", "99.0.0"],
    ] as const)
      index.projects.set(name, [{ version, requires: ["torch==2.8.0"], requiresPython: ">=3.10" }]);
  });
  after(() => index.close());
  const indexes = () => ["--index", `${index.address}/json`, "--torch-index", `${index.address}/html`];

  it("shows each difference as a diff, and writes nothing with --dry-run", async () => {
    const before = [dataFile, pageFile].map((path) => readFileSync(path, "utf8"));
    const { output, code } = await run("--dry-run", ...indexes());
    const lines = output.split("\n");
    const start = lines.indexOf("pytorchReleases 2.8.0");
    assert.deepEqual(lines.slice(start, start + 7), [
      "pytorchReleases 2.8.0",
      "- python: 3.9 3.10 3.11 3.12 3.13",
      "+ python: 3.11  (torch-pypi)",
      "- triton: 3.4.0",
      "+ triton: 3.4.9  (torch-pypi)",
      "- indexes: cu126 cu128 cu129",
      "+ indexes: cu126 cu128  (pt-indexes)",
    ]);
    assert.ok(lines.includes("whisperx 99.0.0 (new)"));
    assert.match(output, /^11 facts differ from what the indexes state, \d+ are the same\.$/m);
    assert.match(output, /^The index lists no Linux wheel of torch 2\.3\.0, .*, which the data has\.$/m);
    assert.match(output, /Nothing was written \(--dry-run\)\.$/);
    assert.equal(code, 0);
    assert.deepEqual(
      [dataFile, pageFile].map((path) => readFileSync(path, "utf8")),
      before,
    );
  });

  it("gives the same as JSON", async () => {
    const { output, code } = await run("--dry-run", "--json", ...indexes());
    const answer = JSON.parse(output) as Record<string, unknown[]>;
    assert.deepEqual(Object.keys(answer).sort(), ["changes", "notices", "same", "unchecked", "written"]);
    assert.deepEqual(answer["changes"]?.[1], {
      ...{ section: "pytorchReleases", release: "2.8.0", property: "triton" },
      ...{ from: "3.4.0", to: "3.4.9", source: "torch-pypi" },
    });
    assert.deepEqual([answer["unchecked"], answer["written"], code], [[], [], 0]);
  });

  it("exits with 1 where a part could not be checked, and says which", async () => {
    const closed = new StandInIndex();
    await closed.open();
    const { address } = closed;
    await closed.close();
    const { output, code } = await run(
      "--dry-run",
      "--index",
      address,
      "--torch-index",
      `${index.address}/html`,
    );
    assert.match(
      output,
      new RegExp(
        `^Could not check torch on PyPI, torchvision, torchaudio, xformers, whisperx: ${new URL(address).host} does not answer \\(ECONNREFUSED\\)\\.$`,
        "m",
      ),
    );
    assert.match(output, /^1 fact differs/m);
    assert.equal(code, 1);
  });

  it("asks nothing with --page, and leaves a page that is as the data are", async () => {
    const asked = index.asked.length;
    assert.deepEqual(await run("--page"), { output: "The page is as the data are.", code: 0 });
    assert.equal(index.asked.length, asked);
  });
});
