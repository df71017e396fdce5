import assert from "node:assert/strict";
import { cudaData } from "../../lib/cuda/data.ts";
import { judge, verdictOf } from "../../lib/cuda/judge.ts";
import { combinationOf, hostOf } from "./combinations/case.ts";
import { cases } from "./combinations.ts";

const data = cudaData();

describe("Compatibility rules: combinations from release notes and threads", () => {
  for (const [title, source, verdict, rule, given] of cases)
    it(`says ${verdict}: ${title}`, () => {
      const answers = judge(combinationOf(given), hostOf(given), data);
      const told = answers.map((answer) => `${answer.verdict} ${answer.rule}: ${answer.text}`).join("\n");
      assert.equal(verdictOf(answers), verdict, `${source}\n${told}`);
      const deciding = answers.filter((answer) => answer.rule === rule);
      assert.ok(
        deciding.some((answer) => answer.verdict === verdict),
        `${rule} does not decide:\n${told}`,
      );
      for (const answer of answers) {
        assert.ok(answer.facts.length > 0 && answer.facts.every(({ from }) => from !== ""), answer.text);
        if (answer.verdict === "fails") assert.ok(answer.fix && answer.place, answer.text);
        if (answer.verdict === "unknown") assert.ok(answer.place, answer.text);
        for (const id of answer.sources) assert.ok(id in data.sources, id);
      }
    });

  it("says fails of a wheel for another Python than the base's, which pip refuses", () => {
    const wheel = {
      name: "flash-attn",
      version: "2.8.3+cu12torch2.8cxx11abiTRUE",
      python: "3.11",
      from: "a.lock:1",
    };
    const onPython = (python: string) =>
      judge(
        { ...combinationOf({ torch: "2.8.0", index: "cu128", python }), pins: { service: [wheel] } },
        hostOf({ torch: "2.8.0" }),
        data,
      ).find(({ rule }) => rule === "wheel-fits-base");
    assert.equal(onPython("3.11"), undefined);
    const { verdict, place, fix } = onPython("3.10")!;
    assert.deepEqual([verdict, place, fix], ["fails", "install", "take its wheel for cp310"]);
  });

  it("has at least 150 of them, each once, and less than a quarter is unknown", () => {
    assert.ok(cases.length >= 150, String(cases.length));
    assert.equal(new Set(cases.map(([title]) => title)).size, cases.length);
    const unknown = cases.filter(([, , verdict]) => verdict === "unknown").length;
    assert.ok(unknown < cases.length / 4, `${unknown} of ${cases.length}`);
  });
});
