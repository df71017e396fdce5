import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  dockerfileFindings,
  ruleIds,
  type DockerfileFacts,
} from "../../lib/doctor/dockerfile-rules/index.ts";
import { blocksOf, document } from "../docs/markdown.ts";
import { base } from "./dockerfile-cases/case.ts";
import { contentCases } from "./dockerfile-cases/contents.ts";
import { layerCases } from "./dockerfile-cases/layers.ts";

const cases = { ...layerCases, ...contentCases };

function findings(text: string, facts: Partial<DockerfileFacts> = {}) {
  return dockerfileFindings({ path: "Dockerfile", text, ...facts });
}

/** Each finding in short: `"7 WARN dockerfile.order"`. */
function short(text: string, facts?: Partial<DockerfileFacts>): string[] {
  return findings(text, facts).map(({ line, status, id }) => `${line} ${status} ${id}`);
}

describe("rules for Dockerfiles", () => {
  it("has examples for every rule", () => {
    assert.deepEqual(Object.keys(cases).sort(), [...ruleIds].sort());
    assert.equal(new Set(ruleIds).size, ruleIds.length);
  });

  for (const [id, table] of Object.entries(cases))
    describe(id, () => {
      for (const [what, text, lines, facts] of table)
        it(`${lines ? `line ${lines}` : "silent"}: ${what}`, () => {
          const found = findings(text, facts).filter((finding) => finding.id === id);
          assert.equal(
            found.map(({ line, status }) => `${line}${status === "FAIL" ? "!" : ""}`).join(" "),
            lines,
          );
        });
    });

  it("names both lines of a wrong order, and the fix", () => {
    const text =
      "FROM cuda-base:runtime-12.8\n\n# code\nCOPY . /app\nRUN pip3 install \\\n  -r requirements.txt\n";
    assert.deepEqual(dockerfileFindings({ path: "a/Dockerfile", text }), [
      {
        id: "dockerfile.order",
        file: "a/Dockerfile",
        line: 4,
        status: "WARN",
        message:
          '"COPY ." stands above "pip3 install" of line 5: every changed file installs all packages again',
        fix: "move it below line 5; what the install reads (a requirements file, a lock) is copied above by name",
        cost: { line: 5, what: "COPY . before pip3 install" },
      },
    ]);
  });

  it("tells no secret", () => {
    const canary = "c4n4ry-7731";
    const text = [
      `FROM https://me:${canary}@example.org/x y z`,
      `ARG API_KEY=${canary}`,
      `ENV TOKEN=${canary} OTHER_SECRET="${canary}"`,
      `RUN curl https://me:${canary}@example.org && pip install --index-url https://me:${canary}@example.org/whl/cu118 x`,
      `ADD https://me:${canary}@example.org/a.git . /x # ${"y".repeat(9)}`,
    ].join("\n");
    const found = findings(text);
    assert.ok(found.length >= 5, JSON.stringify(found));
    assert.ok(!JSON.stringify(found).includes(canary), JSON.stringify(found));
  });
});

describe("# gpu-build-host: ignore", () => {
  const bad = "COPY . /app\nRUN pip install x";
  const table: [string, string, string[]][] = [
    ["silences the rule for the next instruction", "# gpu-build-host: ignore dockerfile.order\n", []],
    ["may give a reason above or below", "# why\n# gpu-build-host: ignore dockerfile.order\n# why\n", []],
    ["takes several names", "# gpu-build-host: ignore dockerfile.secret, dockerfile.order\n", []],
    ["silences nothing else", "# gpu-build-host: ignore dockerfile.secret\n", ["3 WARN dockerfile.order"]],
    [
      "needs to stand right above",
      "# gpu-build-host: ignore dockerfile.order\n\n",
      ["4 WARN dockerfile.order"],
    ],
  ];
  for (const [what, comment, expected] of table)
    it(what, () => assert.deepEqual(short(`FROM cuda-base:runtime-12.8\n${comment}${bad}`), expected));

  it("is no comment inside a here-document", () => {
    const text = `FROM cuda-base:runtime-12.8\nRUN <<EOF\n# gpu-build-host: ignore dockerfile.order\nEOF\n${bad}`;
    assert.deepEqual(short(text), ["5 WARN dockerfile.order"]);
  });
});

describe("Dockerfiles that people have, all rules together", () => {
  const files: Record<string, string[]> = {
    "cuda-base/Dockerfile.runtime": [],
    "cuda-base/Dockerfile.devel": [],
    "services/ai-api-base/Dockerfile": [],
    "services/infinitetalk/Dockerfile": [],
    "services/whisperx/Dockerfile": [],
    // The guide's, letter for letter.
    "tests/bases/guide/1-runtime.Dockerfile": [],
    "tests/bases/guide/2-multi-stage.Dockerfile": [
      "3 FAIL dockerfile.flash-attn",
      "7 WARN dockerfile.site-packages",
    ],
    "tests/bases/guide/3-good-order.Dockerfile": [
      "2 FAIL dockerfile.comment",
      "4 FAIL dockerfile.comment",
      "6 FAIL dockerfile.comment",
    ],
    "tests/bases/guide/4-bad-order.Dockerfile": ["3 FAIL dockerfile.comment", "3 WARN dockerfile.order"],
    "tests/bases/guide/5-one-layer.Dockerfile": ["2 FAIL dockerfile.syntax"],
    "tests/bases/guide/6-three-layers.Dockerfile": ["2 FAIL dockerfile.syntax", "2 WARN dockerfile.grouping"],
    "tests/bases/guide/7-no-cache-dir.Dockerfile": ["1 FAIL dockerfile.syntax"],
    "tests/bases/guide/8-runtime-dependencies.Dockerfile": ["3 WARN dockerfile.stage"],
    "tests/bases/guide/9-ai-api-base.Dockerfile": [],
  };
  for (const [file, expected] of Object.entries(files))
    it(`${file}: ${expected.length || "nothing"}`, () => {
      const sorted = short(readFileSync(file, "utf8"), { base }).sort();
      assert.deepEqual(sorted, [...expected].sort());
    });

  for (const path of ["docs/guide.md", "cuda-base/README.md", "README.md"])
    it(`${path}: what it recommends has no finding`, () => {
      const blocks = blocksOf(document(path)).filter(({ language }) => language === "dockerfile");
      assert.ok(blocks.length > 0);
      for (const { text } of blocks)
        assert.deepEqual(
          short(/^FROM /m.test(text) ? text : `FROM cuda-base:runtime-12.8\n${text}`, { base }),
          [],
        );
    });
});

describe("docs/dockerfile-rules.md", () => {
  const text = document("docs/dockerfile-rules.md");
  const blocks = blocksOf(text).filter(({ heading }) => heading.startsWith("dockerfile."));
  const onBase = (part: string) => (/^FROM /m.test(part) ? part : `FROM cuda-base:runtime-12.8\n${part}`);

  it("has a section with an example for every rule, and no other", () => {
    assert.deepEqual(blocks.map(({ heading }) => heading).sort(), [...ruleIds].sort());
  });

  it("silences what its comment says", () => {
    const block = blocksOf(text).find((one) => !one.heading.startsWith("dockerfile."))!;
    assert.deepEqual(short(onBase(block.text)), []);
    assert.deepEqual(short(onBase(block.text.replaceAll(/^#.*\n/gm, ""))), ["2 WARN dockerfile.order"]);
  });

  for (const { heading: id, text: block } of blocks)
    it(`${id}: its bad example is found, its good one has nothing`, () => {
      const [bad, good, ...more] = block.split("# good\n");
      assert.ok(bad && good && more.length === 0);
      const found = findings(onBase(bad.replace("# bad\n", "")), { base, ignoreText: "" });
      const own = found.filter((finding) => finding.id === id);
      assert.equal(own.length, 1, JSON.stringify(found));
      assert.ok(text.includes(`### ${id}\n${own[0]!.status}. `), `the section begins with ${own[0]!.status}`);
      assert.deepEqual(short(onBase(good), { base, ignoreText: "" }), []);
    });
});

describe("rules for Dockerfiles, on any text", () => {
  const pieces = [
    ...[
      "FROM a",
      "FROM cuda-base:runtime-12.8 AS b",
      "RUN pip install x",
      "COPY . /app",
      "COPY --from=b /x /y",
      "ENV A=b",
      "ARG TOKEN",
    ],
    ...[
      "RUN <<EOF",
      "EOF",
      "\\",
      "`",
      "\\\n",
      "\n",
      "\r\n",
      "\r",
      "\u2028",
      "# escape=`",
      "# syntax=x",
      "# gpu-build-host: ignore dockerfile.order",
    ],
    ...[
      '"',
      "'",
      "$(",
      "${A:-",
      "}",
      "[",
      "]",
      "{",
      "&&",
      "|",
      ";",
      "#",
      "--mount=type=cache,target=/x",
      " ",
      "\t",
      "\uFEFF",
      "ONBUILD",
      "RUN",
      "uv",
      "apt-get update",
    ],
  ];
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((list) => list.join(" ")),
    fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((list) => list.join("\n")),
    fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((list) => list.join("")),
  );

  it("never throws; lines are in the file, texts are one line each, ids are known", () => {
    let total = 0;
    fc.assert(
      fc.property(anyText, anyText, (text, ignoreText) => {
        const lines = text.split("\n").length;
        for (const finding of findings(text, { base, ignoreText })) {
          total++;
          assert.ok(finding.line >= 1 && finding.line <= lines, JSON.stringify(finding));
          assert.ok(ruleIds.includes(finding.id));
          assert.match(finding.message, /^[^\p{Cc}\u2028\u2029]+$/u);
          assert.match(finding.fix, /^[^\p{Cc}\u2028\u2029]+$/u);
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(total > 3000, `only ${total} findings`);
  });

  it("looks at no more than a Dockerfile can be: time stays small for a megabyte", () => {
    const size = 1_000_000;
    const patterns = [
      "RUN pip install x\n",
      "x ",
      "RUN <<EOF\nEOF\n",
      "COPY --from=b . /\n",
      "FROM a AS b\n",
      '"',
      "//",
      "+cu118",
      "$(",
      "ENV TOKEN=a\n",
      "# gpu-build-host: ignore dockerfile.x\n",
      "RUN --mount=from=a\\\n\n",
      "\\\n",
      "ENV A ${A:-",
      "-e ",
      " # ",
    ];
    const slowest = { ms: 0, what: "" };
    for (const pattern of patterns)
      for (const length of [size, 120_000]) {
        const text = `FROM a:1\nRUN pip install ${pattern.repeat(length / pattern.length)}`;
        const start = performance.now();
        const found = findings(text, { base });
        const ms = performance.now() - start;
        if (ms > slowest.ms)
          Object.assign(slowest, { ms, what: `${JSON.stringify(pattern)} × ${text.length}` });
        if (length === size)
          assert.deepEqual(
            found.map(({ id, line }) => [id, line]),
            [["dockerfile.syntax", 1]],
          );
      }
    console.log(`      slowest: ${Math.round(slowest.ms)} ms for ${slowest.what}`);
  });
});
