import fc from "fast-check";

/** Generated daemon.json texts: any JSON object as a person or a program may have written it, odd white space included. */

const space = fc.constantFrom("", "", " ", "\n", "\n  ", "\t", "\r\n    ");
const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom("9007199254740993", "123456789012345678901234567890", "-0", "0.10", "1E400", "1.0e-7"),
);
// Any character, and the same once more as an escape.
const string = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.constantFrom('"\\u00e9"', '"\\/"', '"a\\u0000b"', '"схема"', '"\\ud83d\\ude00"'),
);

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(number, string, fc.constantFrom("true", "false", "null")),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), space)
      .map(([items, gap]) => `[${gap}${items.join(`,${gap}`)}${gap}]`),
    fc.tuple(members(tie("value")), space).map(([items, gap]) => `{${gap}${items.join(`,${gap}`)}${gap}}`),
  ),
}));

function members(inner: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  const key = string.filter(
    (text) => !/registry-mirrors?|insecure-registries|labels|dns/.test(JSON.parse(text)),
  );
  return fc
    .uniqueArray(fc.tuple(key, inner, fc.constantFrom(":", ": ", " : ")), {
      selector: ([name]) => JSON.parse(name),
      maxLength: 4,
    })
    .map((entries) => entries.map(([name, text, colon]) => name + colon + text));
}

export const mirror = fc.constantFrom(
  "http://127.0.0.1:5000",
  "http://127.0.0.1:5001",
  "https://mirror.example",
  "https://mirror.example:444/",
  "http://[::1]:5000",
);

/** A whole file: object, blank, or no file at all; some with mirrors of somebody else's. */
export const daemonText: fc.Arbitrary<string | null> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(null, "", "\n", "{}", "{ }\n", "{\n}\n") },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        members(value),
        fc.option(fc.uniqueArray(mirror, { maxLength: 3 })),
        fc.nat(4),
        space,
        fc.constantFrom("", "\n"),
      )
      .map(([entries, mirrors, at, gap, end]) => {
        const list = mirrors?.map((url) => JSON.stringify(url)).join(`,${gap}`);
        const all =
          list === undefined
            ? entries
            : [...entries.slice(0, at), `"registry-mirrors": [${gap}${list}${gap}]`, ...entries.slice(at)];
        return `{${gap}${all.join(`,${gap}`)}${gap}}${end}`;
      }),
  },
);
