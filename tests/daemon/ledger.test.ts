import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDaemonJson, readList, sameDocument } from "../../lib/daemon/daemon-json.ts";
import { removeAt } from "../../lib/daemon/json-edit.ts";
import { entriesOf } from "../../lib/daemon/desired.ts";
import { parseLedger, planFile, showsElements, type Ledger } from "../../lib/daemon/ledger.ts";
import { keysToUndo, withUndoValues } from "../../lib/daemon/waypoints.ts";
import { daemonText, mirror } from "./documents.ts";

const KEY = "registry-mirrors";

/** A host without disk or daemon: the file's text, and the ledger as it would be read back. */
class Host {
  text: string | null;
  ledger: Ledger | undefined;
  constructor(text: string | null) {
    this.text = text;
  }

  /** One run of a stack. `cut`: where it is killed, if it is. */
  run(
    stack: string,
    elements: string[],
    cut?: "after-ledger" | "when-emptied",
    previously: string[] = [],
  ): this {
    const wish = {
      stack,
      entries: entriesOf(elements, {}),
      previously: entriesOf(previously, {}),
      override: false,
      now: new Date(0),
      fileRequired: false,
    };
    const plan = planFile("/f", this.text, this.ledger, wish);
    this.ledger = parseLedger(JSON.stringify(plan.ledger));
    assert.ok(this.ledger);
    if (cut === "after-ledger") return this;
    const undo = keysToUndo(this.text, plan.text, plan.ledger.touched);
    this.text = cut === "when-emptied" ? withUndoValues(plan.text, undo) : plan.text;
    if (!cut && plan.ledger.claims.length === 0) this.ledger = undefined;
    return this;
  }
}

function document(text: string | null) {
  const result = parseDaemonJson(text);
  assert.ok(result.ok);
  return result.document;
}

const listOf = (text: string | null) => readList(document(text), KEY) ?? [];
const foreign = (text: string | null) => document(text === null ? null : removeAt(text, `/${KEY}`));
const normal = (list: string[]) => list.map((url) => url.replace(/\/$/, ""));
const mirrors = fc.uniqueArray(mirror, { minLength: 1, maxLength: 2 });
const stack = fc.constantFrom("dev", "cu130", "sandbox");

describe("planFile", () => {
  it("puts our mirrors first and keeps the others behind", () => {
    fc.assert(
      fc.property(daemonText, mirrors, (text, ours) => {
        const before = normal(listOf(text)).filter((url) => !normal(ours).includes(url));
        assert.deepEqual(normal(listOf(new Host(text).run("dev", ours).text)), [...normal(ours), ...before]);
      }),
    );
  });

  it("changes nothing when it runs again", () => {
    fc.assert(
      fc.property(daemonText, mirrors, (text, ours) => {
        const host = new Host(text).run("dev", ours);
        const { text: once, ledger } = host;
        host.run("dev", ours);
        assert.equal(host.text, once);
        assert.deepEqual(host.ledger?.claims, ledger?.claims);
      }),
    );
  });

  it("gives back every byte", () => {
    fc.assert(
      fc.property(
        daemonText,
        mirrors,
        (text, ours) => new Host(text).run("dev", ours).run("dev", []).text === text,
      ),
      {
        numRuns: 500,
      },
    );
  });

  it("leaves everything else as it is written, numbers beyond 2^53 included", () => {
    fc.assert(
      fc.property(daemonText, mirrors, (text, ours) => {
        const after = new Host(text).run("dev", ours).text;
        assert.ok(sameDocument(foreign(text), foreign(after)), `${text} → ${after}`);
      }),
      { numRuns: 500 },
    );
  });

  it("changes no byte outside our entry", () => {
    const text =
      '{ "max-concurrent-downloads":9007199254740993,\t"схема" : "\\u00e9",\n\n"registry-mirrors": [ "http:\\/\\/theirs" ] }';
    const expected = text.replace("[ ", '[ "http://127.0.0.1:5000", ');
    assert.equal(new Host(text).run("dev", ["http://127.0.0.1:5000"]).text, expected);
    assert.equal(
      new Host('{"a":1}').run("dev", ["http://a"]).text,
      '{"a":1,"registry-mirrors":["http://a"]}',
    );
    assert.equal(
      new Host('{\n\t"a": 1\n}\n').run("dev", ["http://a"]).text,
      '{\n\t"a": 1,\n\t"registry-mirrors": ["http://a"]\n}\n',
    );
    assert.equal(new Host(null).run("dev", ["http://a"]).text, '{\n  "registry-mirrors": ["http://a"]\n}\n');
  });

  it("gives back the first bytes after several stacks in any order, killed runs included", () => {
    const run = fc.record({
      stack,
      elements: fc.oneof(mirrors, fc.constant<string[]>([])),
      cut: fc.constantFrom(undefined, undefined, "after-ledger" as const, "when-emptied" as const),
    });
    fc.assert(
      fc.property(
        daemonText,
        fc.array(run, { maxLength: 8 }),
        fc.shuffledSubarray(["dev", "cu130", "sandbox"], { minLength: 3 }),
        (text, runs, leave) => {
          const host = new Host(text);
          for (const { stack: name, elements, cut } of runs) host.run(name, elements, cut);
          for (const name of leave) host.run(name, []);
          assert.equal(host.text, text);
          assert.equal(host.ledger, undefined);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps a mirror as long as one stack claims it", () => {
    const host = new Host("{}").run("a", ["http://shared"]).run("b", ["http://shared"]).run("a", []);
    assert.deepEqual(listOf(host.text), ["http://shared"]);
    assert.equal(host.run("b", []).text, "{}");
  });

  it("does not let two stacks take turns in being first", () => {
    const host = new Host("{}").run("a", ["http://a"]).run("b", ["http://b"]);
    const text = host.text;
    assert.equal(host.run("a", ["http://a"]).text, text);
    assert.equal(host.run("b", ["http://b"]).text, text);
    for (const [name, url] of [
      ["a", "http://a"],
      ["b", "http://b"],
    ] as const) {
      assert.ok(showsElements(listOf(text), KEY, [url], name, host.ledger!.claims));
    }
    assert.ok(!showsElements(["http://theirs", "http://a"], KEY, ["http://a"], "a", host.ledger!.claims));
  });

  it("keeps somebody's edit, byte for byte where it does not touch our entry", () => {
    fc.assert(
      fc.property(
        daemonText.filter((text) => /^\{\s*\S.*\}/s.test(text ?? "") && !/^\{\s*\}/.test(text!)),
        mirrors,
        (text, ours) => {
          // A key of theirs, put in front of all others: away from our entry, unless the list itself stands first.
          const edit = (from: string) => from.replace("{", '{"live-restore": true, ');
          const host = new Host(text).run("dev", ours);
          host.text = edit(host.text!);
          host.run("dev", []);
          assert.ok(sameDocument(document(host.text), document(edit(text!))), `${text} → ${host.text}`);
          if (!text!.includes(KEY)) assert.equal(host.text, edit(text!));
        },
      ),
    );
  });

  it("keeps edits of the list itself", () => {
    const host = new Host('{"registry-mirrors": ["http://theirs"]}').run("dev", ["http://ours"]);
    host.text = '{"registry-mirrors": ["http://new", "http://ours"]}';
    host.run("dev", ["http://ours"]);
    assert.deepEqual(listOf(host.text), ["http://ours", "http://new"]);
    assert.deepEqual(listOf(host.run("dev", []).text), ["http://new"]);
  });

  it("puts a removed mirror back and still gives back the rest", () => {
    const host = new Host('{"debug": true}').run("dev", ["http://ours"]);
    host.text = '{"debug": true}';
    assert.deepEqual(listOf(host.run("dev", ["http://ours"]).text), ["http://ours"]);
    assert.equal(host.run("dev", []).text, '{"debug": true}');
  });

  it("removes a file that only we needed, also when it was edited in between", () => {
    const host = new Host(null).run("dev", ["http://ours"]);
    host.text = '{"registry-mirrors":["http://ours"]}';
    assert.equal(host.run("dev", []).text, null);
    const kept = new Host(null).run("dev", ["http://ours"]);
    kept.text = '{"registry-mirrors":["http://ours"],"debug":true}';
    assert.equal(kept.run("dev", []).text, '{"debug":true}');
  });

  it("does not take out a mirror that was there before us", () => {
    const host = new Host('{"registry-mirrors": ["http://theirs", "http://both/"]}').run("dev", [
      "http://both",
    ]);
    assert.deepEqual(listOf(host.text), ["http://both", "http://theirs"]);
    host.text = host.text!.replace("{", '{"debug": true, ');
    assert.deepEqual(listOf(host.run("dev", []).text), ["http://both", "http://theirs"]);
  });

  it("with a lost ledger takes out what the stack itself remembers, and only that", () => {
    const host = new Host('{"debug": true}').run("dev", ["http://ours"]).run("b", ["http://b"]);
    host.ledger = undefined;
    host.run("dev", [], undefined, ["http://ours"]);
    assert.deepEqual(listOf(host.text), ["http://b"]);
    const alone = new Host('{"debug": true}').run("dev", ["http://ours"]);
    alone.ledger = undefined;
    assert.equal(alone.run("dev", [], undefined, ["http://ours"]).text, '{"debug": true}');
  });

  it("takes a cut-off ledger for lost", () => {
    const text = JSON.stringify(new Host("{}").run("dev", ["http://a"]).ledger);
    assert.ok(parseLedger(text));
    for (const bad of ["", "{}", text.slice(0, -20), text.replace('"version":1', '"version":2'), "null"]) {
      assert.equal(parseLedger(bad), undefined);
    }
  });
});
