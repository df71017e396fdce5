import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verdictOf } from "../../lib/cuda/judge.ts";
import type { Answer, Combination } from "../../lib/cuda/types.ts";
import { UserError } from "../../lib/errors.ts";
import { allowedPath, recordAllowed } from "../../lib/upgrade/allowed.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import { judgementKey, keepJudgement, keptJudgement } from "../../lib/upgrade/kept-judgement.ts";
import { assess, judgeStack, type AssessParts } from "../../lib/upgrade/assess.ts";
import { settingsBefore } from "../../lib/upgrade/before.ts";
import { blockerLines, stopText, verdictLine } from "../../lib/upgrade/words.ts";
import { settingsOf } from "../doctor/fed-facts.ts";

const combination = { cuda: "13.0", pins: {} } as unknown as Combination;
const answer = (rule: string, verdict: Answer["verdict"], more: Partial<Answer> = {}): Answer => ({
  rule,
  verdict,
  text: `${rule} says so`,
  facts: [],
  sources: [],
  ...more,
});
const host = { driver: "570.86.15", from: {} };

function partsWith(changes: Partial<AssessParts> = {}): AssessParts {
  return {
    combination: async () => ({ combination, missing: [] }),
    judge: () => [answer("a-rule", "works")],
    verdict: verdictOf,
    resolves: async () => [],
    blockers: async () => ({ pins: [], note: "nothing" }),
    forecast: async () => ({ images: [] }),
    bill: async () => ({ total: 1 }),
    warnings: async () => [],
    before: async () => undefined,
    ...changes,
  };
}

const question = (values = {}) => ({
  settings: settingsOf(values),
  host,
  plan: { all: [] },
  names: ["cuda-base-runtime"],
});

describe("Assessment", () => {
  it("puts what fails first, then what is unknown, conditions, what works", async () => {
    const judge = () => [
      answer("fine", "works"),
      answer("condition", "works", { isWarning: true }),
      answer("open", "unknown"),
      answer("bad", "fails"),
    ];
    const { reasons, verdict } = await assess(question(), partsWith({ judge }));
    assert.equal(verdict, "fails");
    assert.deepEqual(
      reasons.map(({ rule }) => rule),
      ["bad", "open", "condition", "fine"],
    );
  });

  it("is plain JSON", async () => {
    const assessment = await assess(question(), partsWith());
    assert.deepEqual(JSON.parse(JSON.stringify(assessment)), assessment);
  });

  it("does not stop for the way to the GPU, which the host mends without a build", async () => {
    const judge = () => [answer("gpu-access", "fails")];
    const { stops, verdict } = await judgeStack(question(), partsWith({ judge }));
    assert.deepEqual([stops, verdict], [false, "fails"]);
  });

  it("asks no resolver where a rule fails that nobody allows", async () => {
    const resolves = async () => [answer("packages-resolve", "unknown")];
    const judge = () => [answer("bad", "fails")];
    const rules = async (allowIncompatible: string[]) =>
      (await judgeStack(question({ allowIncompatible }), partsWith({ judge, resolves }))).reasons.map(
        ({ rule }) => rule,
      );
    assert.deepEqual(await rules([]), ["bad"]);
    assert.deepEqual(await rules(["bad"]), ["bad", "packages-resolve"]);
  });

  it("stops for what fails, unless every failing rule is allowed", async () => {
    const judge = () => [answer("bad", "fails"), answer("worse", "fails")];
    const stops = async (allowIncompatible: string[]) =>
      (await judgeStack(question({ allowIncompatible }), partsWith({ judge }))).stops;
    assert.deepEqual(await Promise.all([[], ["bad"], ["bad", "worse"]].map(stops)), [true, true, false]);
  });

  it("names an allowed rule that does not fail", async () => {
    const { warnings } = await judgeStack(question({ allowIncompatible: ["old-rule"] }), partsWith());
    assert.match(warnings.join(), /allowIncompatible names old-rule, which does not fail here: take it out/);
  });

  const broken: [what: string, changes: Partial<AssessParts>, words: RegExp][] = [
    [
      "a lock does not parse",
      { combination: () => Promise.reject(new UserError("a.lock:3: no requirement\nb.lock:1: neither")) },
      /^a\.lock:3: no requirement; b\.lock:1: neither$/,
    ],
    [
      "the resolver breaks",
      { resolves: () => Promise.reject(new Error("no uv")) },
      /could not be asked: no uv/,
    ],
    [
      "a lock is missing and nobody resolved it",
      {
        combination: async () => ({
          combination,
          missing: ["x.lock does not exist yet; make it: npm run lock"],
        }),
      },
      /no lock is there/,
    ],
  ];
  for (const [what, changes, words] of broken)
    it(`is unknown in one line, never works, where ${what}`, async () => {
      const { verdict, reasons } = await assess(question(), partsWith(changes));
      assert.equal(verdict, "unknown");
      const line = reasons.find((reason) => reason.verdict === "unknown")!.text;
      assert.match(line, words);
      assert.doesNotMatch(line, /\n/);
    });

  it("goes on without a bill, tags or a forecast that cannot be had", async () => {
    const fails = () => Promise.reject(new Error("no answer"));
    const { verdict, bill, warnings } = await assess(question(), partsWith({ bill: fails, warnings: fails }));
    assert.equal(verdict, "works");
    assert.equal(bill, null);
    assert.deepEqual(warnings, ["the bill could not be made: no answer", "no answer"]);
    const second = await assess(question(), partsWith({ forecast: fails }));
    assert.match(second.warnings.join(), /images to be rebuilt could not be found out: no answer/);
  });

  it("asks what blocks only where something fails, with what ran before", async () => {
    const asked: unknown[] = [];
    const parts = partsWith({
      judge: () => [answer("bad", "fails")],
      before: async () => settingsOf({ cudaBase: { cuda: "12.6" } }),
      combination: async ({ cudaBase }) => ({
        combination: { ...combination, cuda: cudaBase.cuda },
        missing: [],
      }),
      blockers: async (before, wanted) => {
        asked.push([before?.cuda, wanted.cuda]);
        return { pins: [], note: "moved" };
      },
    });
    const { blockers } = await assess(question({ cudaBase: { cuda: "13.0" } }), parts);
    assert.equal(blockers?.note, "moved");
    await assess(question(), partsWith());
    assert.deepEqual(asked, [["12.6", "13.0"]]);
  });
});

describe("A kept judgement", () => {
  const judgement = {
    verdict: "works" as const,
    reasons: [answer("a-rule", "works")],
    allowed: [],
    warnings: [],
    stops: false,
  };
  let stateDir: string;
  before(() => (stateDir = mkdtempSync(join(tmpdir(), "judgement-"))));
  after(() => rmSync(stateDir, { recursive: true }));

  it("holds as long as settings, host and images are the same", async () => {
    const settings = { ...settingsOf(), stateDir };
    const images = [{ reference: "a:1", context: "/nowhere" }] as unknown as ImagePlan[];
    const key = judgementKey(settings, host, images);
    await keepJudgement(settings, key, judgement);
    assert.deepEqual(await keptJudgement(settings, key), judgement);
    const others = [
      judgementKey({ ...settings, allowIncompatible: ["x"] }, host, images),
      judgementKey(settings, { ...host, driver: "580.65.06" }, images),
      judgementKey(settings, host, [{ ...images[0]!, reference: "a:2" }]),
    ];
    assert.equal(new Set([key, ...others]).size, 4);
    for (const other of others) assert.equal(await keptJudgement(settings, other), undefined);
  });

  it("is not kept where a question may have an answer next time", async () => {
    const settings = { ...settingsOf(), stateDir, stack: "open" };
    await keepJudgement(settings, "1", { ...judgement, reasons: [answer("packages-resolve", "unknown")] });
    assert.equal(await keptJudgement(settings, "1"), undefined);
  });
});

describe("What ran before", () => {
  it("is read from what the bases were made of", () => {
    const parts = {
      "argument LOCK": "torch2.7.1-cu126-py311",
      "argument CUDA_BASE": "nvidia/cuda:12.6.3-base-ubuntu22.04",
    };
    const before = settingsBefore(settingsOf(), new Map([["cuda-base-runtime", { hash: "1", parts }]]));
    assert.deepEqual(
      [before?.cudaBase.cuda, before?.cudaBase.torch, before?.cudaBase.python, before?.cudaBase.packageIndex],
      ["12.6", "2.7.1", "3.11", undefined],
    );
  });

  it("is nothing where nobody wrote it down", () => {
    assert.equal(settingsBefore(settingsOf(), new Map()), undefined);
    assert.equal(settingsBefore(settingsOf(), new Map([["cuda-base-runtime", { hash: "1" }]])), undefined);
  });
});

describe("Words of an assessment", () => {
  it("stop with verdict, reason, facts, place, fix and the way to go on all the same", () => {
    const bad = answer("driver-runs-cuda", "fails", {
      place: "run",
      fix: "upgrade the driver",
      facts: [{ name: "driver", value: "525.60.13", from: "this host" }],
    });
    const text = stopText(settingsOf(), host, {
      reasons: [bad],
      allowed: [],
      blockers: { pins: [{ name: "torch", version: "2.7.1", from: "a.lock:3" }], note: "" },
    });
    assert.match(text, /^This fails: CUDA 12\.8, PyTorch 2\.7\.1.*Nothing was changed\.$/m);
    assert.match(text, /driver-runs-cuda: driver-runs-cuda says so \(shows when it runs\)/);
    assert.match(text, /facts: driver 525\.60\.13 \(this host\)/);
    assert.match(text, /fix: upgrade the driver/);
    assert.match(text, /blocked by: torch 2\.7\.1 \(a\.lock:3\)/);
    assert.match(text, /allowIncompatible '\["driver-runs-cuda"\]'/);
  });

  it("say what is in the way once, also where no nearest set is known", () => {
    const reason = "CUDA 13.0 needs driver 580 or newer";
    const note = `The host blocks it: ${reason}. No set that works is known for CUDA 13.0.`;
    assert.deepEqual(blockerLines({ pins: [], host: reason, note }, ""), [
      `this host: ${reason}`,
      "no set that works is known",
    ]);
    assert.deepEqual(blockerLines({ pins: [], note: "No set that works is known for CUDA 13.0." }, ""), [
      "No set that works is known for CUDA 13.0.",
    ]);
  });

  it("never say works of what is unknown", () => {
    const line = verdictLine(settingsOf(), host, {
      verdict: "unknown",
      reasons: [answer("x", "unknown")],
      allowed: [],
    });
    assert.match(line, /^unknown: .*1 question without an answer$/);
  });
});

describe("Allowed incompatibilities", () => {
  it("are written down once for each that changes", async () => {
    const stateDir = mkdtempSync(join(tmpdir(), "allowed-"));
    const judgement = { reasons: [answer("bad", "fails"), answer("other", "fails")], allowed: ["bad"] };
    await recordAllowed({ stateDir, stack: "dev" }, judgement);
    await recordAllowed({ stateDir, stack: "dev" }, judgement);
    const lines = readFileSync(allowedPath(stateDir, "dev"), "utf8").trim().split("\n");
    rmSync(stateDir, { recursive: true });
    assert.equal(lines.length, 1);
    const { time, ...rest } = JSON.parse(lines[0]!) as Record<string, string>;
    assert.ok(Date.parse(time!) > 0);
    assert.deepEqual(rest, { rule: "bad", text: "bad says so" });
  });
});
