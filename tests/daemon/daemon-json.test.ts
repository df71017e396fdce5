import assert from "node:assert/strict";
import fc from "fast-check";
import { faultMessage, parseDaemonJson, readList } from "../../lib/daemon/daemon-json.ts";
import { daemonText } from "./documents.ts";

/** Text, and what the message says after the file's name; undefined: taken. */
const TABLE: [name: string, text: string | null, message: RegExp | undefined][] = [
  ["no file", null, undefined],
  ["an empty file", "", undefined],
  ["blanks", " \n\t\r\n", undefined],
  ["an empty object", "{}", undefined],
  ["a null list", '{"registry-mirrors": null}', undefined],
  ["a comma at the end of an object", '{\n  "debug": true,\n}', /^3:1: a comma before }: remove the comma$/],
  ["a comma at the end of a list", '{"dns": ["1.1.1.1",]}', /^1:20: a comma before \]/],
  ["a line comment", '{\n  // mirrors\n  "debug": true\n}', /^2:3: a comment: remove it/],
  ["a block comment", '{"debug": true /* yes */}', /^1:16: a comment/],
  [
    "a byte order mark",
    '\uFEFF{"debug": true}',
    /^1:1: the file starts with a byte order mark: save it as UTF-8 without/,
  ],
  ["a list", "[]", /^1:1: the file holds a list: write an object/],
  ["a text", '"x"', /^1:1: the file holds a string/],
  ["null", "null", /^1:1: the file holds null/],
  ["two documents", '{}\n{"debug": true}', /^2:1: more text after the end of the object/],
  ["a key twice", '{"debug": true,\n "debug": false}', /^2:2: the key "debug" stands there twice: keep one/],
  [
    "a key twice, deep down",
    '{"runtimes": {"x": {"path": "a", "path": "b"}}}',
    /^1:34: the key "path" stands there twice/,
  ],
  [
    "a key twice, spelled differently",
    '{"debug": true, "\\u0064ebug": true}',
    /the key "debug" stands there twice/,
  ],
  [
    "the singular",
    '{\n "registry-mirror": ["http://a"]}',
    /^2:2: dockerd silently ignores .*: rename it to "registry-mirrors"/,
  ],
  [
    "mirrors as text",
    '{"registry-mirrors": "http://a"}',
    /^1:22: "registry-mirrors" holds a string: write a list/,
  ],
  [
    "a number among the mirrors",
    '{"registry-mirrors": ["http://a", 5000]}',
    /^1:35: .* an element that is a number/,
  ],
  ["a cut-off file", '{"debug": true', /^1:15: the closing } is missing: the file may be cut off/],
  ["a cut-off text", '{"debug": "tru', /^1:11: a text has no closing quote/],
  ["a missing comma", '{"a": 1\n "b": 2}', /^2:2: a comma is missing/],
  ["a missing value", '{"a": }', /^1:7: a value is missing/],
  ["single quotes", "{'a': 1}", /^1:2: "'" is not JSON here/],
  ["a line break inside a text", '{"a": "x\ny"}', /^1:\d+: /],
  ["a tab inside a text", '{"a": "x\ty"}', /^1:7: a control character inside a text/],
  ["a leading zero", '{"mtu": 01500}', /^1:\d+: /],
  ["a hard space", "{\u00a0}", /^1:2: /],
];

describe("parseDaemonJson", () => {
  for (const [name, text, message] of TABLE) {
    it(message ? `refuses ${name}, with line, column and fix` : `takes ${name}`, () => {
      const result = parseDaemonJson(text);
      assert.equal(result.ok, message === undefined);
      if (!result.ok) assert.match(faultMessage("f", result.fault).replace(/^f:/, ""), message!);
    });
  }

  it("takes every generated document", () => {
    fc.assert(fc.property(daemonText, (text) => assert.deepEqual(parseDaemonJson(text).ok, true)));
  });

  it("takes nothing that JSON does not", () => {
    // One character of a good document replaced, dropped or added: mostly broken, sometimes not.
    const damaged = fc.tuple(
      daemonText,
      fc.nat(),
      fc.constantFrom("", ",", "}", '"', "/", "#", "0", "\u000b", "\u0001"),
      fc.boolean(),
    );
    fc.assert(
      fc.property(damaged, ([text, at, character, replace]) => {
        const from = text ?? "";
        const index = at % (from.length + 1);
        const bad = from.slice(0, index) + character + from.slice(index + (replace ? 1 : 0));
        const result = parseDaemonJson(bad);
        if (result.ok && bad.trim() !== "") assert.doesNotThrow(() => JSON.parse(bad), JSON.stringify(bad));
        if (!result.ok) assert.ok(result.fault.line >= 1 && result.fault.column >= 1 && result.fault.fix);
      }),
      { numRuns: 1000 },
    );
  });

  it("reads lists with their escapes", () => {
    const result = parseDaemonJson('{"registry-mirrors": ["http:\\/\\/a", "http://b"]}');
    assert.ok(result.ok);
    assert.deepEqual(readList(result.document, "registry-mirrors"), ["http://a", "http://b"]);
    assert.equal(readList(result.document, "dns"), undefined);
  });
});
