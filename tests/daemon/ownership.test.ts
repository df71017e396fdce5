import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalText, documentOf, sameDocument } from "../../lib/daemon/daemon-json.ts";
import { SHARED_LISTS } from "../../lib/daemon/daemon-keys.ts";
import { entriesOf } from "../../lib/daemon/desired.ts";
import { parseLedger, planFile, type Ledger } from "../../lib/daemon/ledger.ts";
import type { FileText, OwnedEntry } from "../../lib/daemon/merge.ts";
import { overlaps, pointerOf, topKey } from "../../lib/daemon/pointer.ts";
import { keysToUndo, waypoints, withUndoValues } from "../../lib/daemon/waypoints.ts";
import { claimedText, mirror, wantedSettings } from "./documents.ts";

/** A host without disk or daemon: the file's text, and the ledger as it would be read back. */
class Host {
  text: FileText;
  ledger: Ledger | undefined;
  constructor(text: FileText) {
    this.text = text;
  }

  /** One run of a stack; no entries: it leaves. `cut`: where it is killed, if it is. */
  run(
    stack: string,
    entries: OwnedEntry[],
    options: { cut?: Cut; override?: boolean; previously?: OwnedEntry[] } = {},
  ) {
    const { cut, override = true, previously = [] } = options;
    const plan = planFile("/f", this.text, this.ledger, {
      stack,
      entries,
      previously,
      override,
      now: new Date(0),
      fileRequired: false,
    });
    this.ledger = parseLedger(JSON.stringify(plan.ledger));
    assert.ok(this.ledger);
    if (cut === "after-ledger") return this;
    const undo = withUndoValues(plan.text, keysToUndo(this.text, plan.text, plan.ledger.touched));
    const between = [undo, waypoints(this.text, plan.text, plan.ledger.touched).at(-1)!];
    this.text = cut === "undone" ? between[0]! : cut === "live-restored" ? between[1]! : plan.text;
    if (!cut && plan.ledger.claims.length === 0) this.ledger = undefined;
    return this;
  }
}
type Cut = "after-ledger" | "undone" | "live-restored" | undefined;

/** Every leaf of a document, as it is written. */
function leaves(text: FileText): Map<string, string> {
  const found = new Map<string, string>();
  const document = documentOf(text);
  const walk = (node: NonNullable<typeof document.root>, path: string[]) => {
    const isList = path.length === 1 && SHARED_LISTS.includes(path[0]!) && node.type === "array";
    if (isList) {
      for (const child of node.children ?? []) found.set(`${pointerOf(path)} ${child.value}`, "element");
    } else if (node.type === "object" && (node.children?.length || path.length === 0)) {
      for (const property of node.children ?? [])
        walk(property.children![1]!, [...path, String(property.children![0]!.value)]);
    } else found.set(pointerOf(path), canonicalText(document.text, node));
  };
  if (document.root) walk(document.root, []);
  return found;
}

const isOurs = (leaf: string, entries: OwnedEntry[]) =>
  entries.some((entry) =>
    "value" in entry
      ? overlaps(entry.pointer, leaf)
      : leaf === `${entry.pointer} ${entry.element}` || leaf === entry.pointer,
  );
const wish = fc
  .tuple(fc.uniqueArray(mirror, { maxLength: 1 }), wantedSettings)
  .map(([mirrors, settings]) => entriesOf(mirrors, settings));
const some = wish.filter((entries) => entries.length > 0);
/** Two wishes that agree where they meet: another value is refused. */
const agreeing = fc
  .tuple(some, some)
  .map(([a, b]) => [
    a,
    b.filter((entry) => !a.some((other) => "value" in entry && overlaps(other.pointer, entry.pointer))),
  ])
  .filter(([, b]) => b!.length > 0);

describe("ownership by pointer, over generated documents", function () {
  this.timeout(300_000);

  it("gives back every byte of what was there (4000 documents)", () => {
    fc.assert(
      fc.property(claimedText, some, (text, entries) => {
        assert.equal(new Host(text).run("dev", entries).run("dev", []).text, text);
      }),
      { numRuns: 4000 },
    );
  });

  it("changes nothing when it runs again, and has what was asked for (1500)", () => {
    fc.assert(
      fc.property(claimedText, some, (text, entries) => {
        const host = new Host(text).run("dev", entries);
        const { text: once, ledger } = host;
        host.run("dev", entries);
        assert.equal(host.text, once);
        assert.deepEqual(host.ledger?.claims, ledger?.claims);
        const after = leaves(once);
        for (const entry of entries) {
          if ("value" in entry && entry.pointer !== "/builder/gc" && !entry.value.startsWith("["))
            assert.equal(after.get(entry.pointer), canonicalText(entry.value), entry.pointer);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it("leaves every other pointer as it is written, numbers beyond 2^53 included (1500)", () => {
    fc.assert(
      fc.property(claimedText, some, (text, entries) => {
        const [before, after] = [leaves(text), leaves(new Host(text).run("dev", entries).text)];
        const foreign = (all: Map<string, string>) => {
          // An object that was empty, or null, and holds an entry of ours now is no leaf any more.
          const kept = [...all].filter(
            ([leaf, value]) => !isOurs(leaf, entries) && !(value === "{}" || value === "null"),
          );
          return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
        };
        assert.deepEqual(foreign(after), foreign(before));
      }),
      { numRuns: 1500 },
    );
  });

  it("gives back the first bytes after two stacks in any order, killed runs included (1500)", () => {
    const cut = fc.constantFrom<Cut>(undefined, undefined, "after-ledger", "undone", "live-restored");
    const run = fc.tuple(fc.nat(1), fc.boolean(), cut);
    fc.assert(
      fc.property(
        claimedText,
        agreeing,
        fc.array(run, { maxLength: 6 }),
        fc.boolean(),
        (text, wishes, runs, swap) => {
          const host = new Host(text);
          for (const [index, leaves, cut] of runs)
            host.run(`stack-${index}`, leaves ? [] : wishes[index]!, { cut });
          for (const index of swap ? [1, 0] : [0, 1]) host.run(`stack-${index}`, []);
          assert.equal(host.text, text);
          assert.equal(host.ledger, undefined);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("keeps an edit between, by its meaning, wherever it stands (1500)", () => {
    const place = fc.constantFrom("first", "last");
    fc.assert(
      fc.property(
        claimedText.filter((text) => /^\{\s*\S.*\}/s.test(text ?? "") && !/^\{\s*\}/.test(text!)),
        some,
        place,
        (text, entries, at) => {
          const edit = (from: string) =>
            at === "first"
              ? from.replace("{", '{"shutdown-timeout": 9007199254740993, ')
              : from.replace(/\s*\}\s*$/, ', "shutdown-timeout": 9007199254740993 }\n');
          const host = new Host(text).run("dev", entries);
          host.text = edit(host.text!);
          host.run("dev", entries).run("dev", []);
          assert.ok(
            sameDocument(documentOf(host.text), documentOf(edit(text!)), SHARED_LISTS),
            `${text} → ${host.text}`,
          );
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe("ownership by pointer, case by case", () => {
  const log = (size: string) => entriesOf([], { "log-opts": { "max-size": size } });

  it("makes parent objects and takes them away again", () => {
    const host = new Host('{"debug": true}').run("dev", log("10m"));
    assert.equal(host.text, '{"debug": true,"log-opts": {"max-size": "10m"}}');
    host.text = host.text.replace("{", '{"mtu": 1400, ');
    assert.equal(host.run("dev", []).text, '{"mtu": 1400, "debug": true}');
  });

  it("keeps a leaf beside ours, and a parent that holds one", () => {
    const host = new Host('{"log-opts":{"tag":"x"}}').run("dev", log("10m"));
    assert.equal(host.text, '{"log-opts":{"tag":"x","max-size":"10m"}}');
    host.text = host.text.replace('"x"', '"y"');
    assert.equal(host.run("dev", []).text, '{"log-opts":{"tag":"y"}}');
  });

  it("stops at a value of somebody else's, with both values, the place and the way out", () => {
    assert.throws(
      () => new Host('{"log-opts": {"max-size": "5m"}}').run("dev", log("10m"), { override: false }),
      {
        message:
          '/f has log-opts.max-size = "5m", this stack wants log-opts.max-size = "10m": ' +
          'take one of the two away, or set dockerDaemon.onConflict: "override" (the former value is given back on destroy)',
      },
    );
    const text = '{"log-opts": 5}';
    assert.throws(
      () => new Host(text).run("dev", log("10m"), { override: false }),
      /has log-opts = 5, this stack wants/,
    );
    assert.equal(new Host(text).run("dev", log("10m")).run("dev", []).text, text);
  });

  it("takes the same value of somebody else's for agreement, and leaves it when it goes", () => {
    const text = '{ "live-restore" :true}';
    const host = new Host(text).run("dev", entriesOf([], { "live-restore": true }), { override: false });
    assert.equal(host.text, text);
    assert.equal(host.run("dev", []).text, text);
  });

  it("takes null for nothing, and gives it back", () => {
    const text = '{"log-opts": null, "live-restore": null}';
    const entries = [...log("10m"), ...entriesOf([], { "live-restore": true })];
    const host = new Host(text).run("dev", entries, { override: false });
    assert.deepEqual(JSON.parse(host.text!), { "log-opts": { "max-size": "10m" }, "live-restore": true });
    host.text = host.text!.replace("{", '{"mtu": 1400, ');
    assert.equal(host.run("dev", []).text, '{"mtu": 1400, "log-opts": null, "live-restore": null}');
  });

  it("never shows a value that may hold a login", () => {
    const proxy = (url: string) => entriesOf([], { proxies: { "http-proxy": url } });
    const text = '{"proxies": {"http-proxy": "http://user:hunter2@proxy:3128"}}';
    assert.throws(
      () => new Host(text).run("dev", proxy("http://proxy:3128"), { override: false }),
      (error: Error) =>
        /has proxies.http-proxy = a value that is not shown, this stack wants/.test(error.message) &&
        !error.message.includes("hunter2"),
    );
    const kept = new Host(text).run("dev", proxy("http://proxy:3128"));
    assert.deepEqual(JSON.parse(kept.text!), { proxies: { "http-proxy": "http://proxy:3128" } });
    assert.equal(kept.run("dev", []).text, text);
  });

  it("counts stacks that want the same value, and refuses another one by name", () => {
    const host = new Host("{}").run("a", log("10m")).run("b", log("10m"));
    assert.throws(() => host.run("c", log("20m")), {
      message:
        '/f: log-opts.max-size: stack "a" has set log-opts.max-size to "10m", stack "c" wants "20m": ' +
        "give both the same value, or take it out of one",
    });
    host.run("a", []);
    assert.deepEqual(JSON.parse(host.text!), { "log-opts": { "max-size": "10m" } });
    assert.equal(host.run("b", []).text, "{}");
  });

  it("puts its own value back after somebody changed it, and gives theirs back when it goes", () => {
    const host = new Host("{}").run("dev", log("10m"), { override: false });
    host.text = '{"log-opts": {"max-size": "1m"}}';
    host.run("dev", log("10m"), { override: false });
    assert.deepEqual(JSON.parse(host.text), { "log-opts": { "max-size": "10m" } });
    assert.deepEqual(JSON.parse(host.run("dev", []).text!), { "log-opts": { "max-size": "1m" } });
  });

  it("with a lost ledger takes out what the stack itself remembers, and only that", () => {
    const host = new Host('{"debug": true}').run("dev", log("10m"));
    host.ledger = undefined;
    assert.equal(host.run("dev", [], { previously: log("10m") }).text, '{"debug": true}');
    const other = new Host('{"log-opts": {"max-size": "1m"}}');
    assert.equal(other.run("dev", [], { previously: log("10m") }).text, '{"log-opts": {"max-size": "1m"}}');
  });

  it("reads ledgers of the first version, whose claims are elements only", () => {
    const old = {
      version: 1,
      file: "/f",
      base: "{}",
      settled: '{\n  "registry-mirrors": ["http://a"]\n}',
      known: [],
      claims: [
        {
          stack: "dev",
          pointer: "/registry-mirrors",
          element: "http://a",
          since: "2026-01-01T00:00:00.000Z",
        },
      ],
    };
    const host = new Host(old.settled);
    host.ledger = parseLedger(JSON.stringify(old));
    assert.deepEqual(host.ledger?.touched, ["registry-mirrors"]);
    assert.equal(host.run("dev", []).text, "{}");
    assert.equal(topKey("/registry-mirrors"), "registry-mirrors");
  });
});
