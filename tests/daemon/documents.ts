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

/** Keys that a stack may claim too, as somebody else may have set them. */
const knownKeys = fc
  .record(
    {
      "log-driver": fc.constantFrom('"json-file"', '"local"', "null"),
      "log-opts": fc.constantFrom('{"max-size": "10m"}', '{ "max-file":"3","tag" : "x" }', "{}", "null"),
      runtimes: fc.constantFrom(
        '{"nvidia": {"args": [], "path": "nvidia-container-runtime"}}',
        '{"crun":{"path":"/usr/bin/crun"}}',
        "{\n}",
      ),
      features: fc.constantFrom('{"buildkit": true}', '{"cdi":false}', "{ }"),
      builder: fc.constantFrom('{"gc": {"enabled": false}}', '{"entitlements":{"network-host":true}}'),
      "live-restore": fc.constantFrom("true", "false"),
      "insecure-registries": fc.constantFrom('["theirs:5000"]', "[]", '[ "a:1" , "theirs:5000" ]'),
      labels: fc.constantFrom('["a=1"]', "null"),
      "max-concurrent-downloads": fc.constantFrom("3", "12", "9007199254740993"),
    },
    { requiredKeys: [] },
  )
  .map((keys) => Object.entries(keys).map(([key, text]) => `${JSON.stringify(key)}: ${text}`));

/** A whole file with some of the keys that stacks claim. */
export const claimedText: fc.Arbitrary<string | null> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(null, "", "{}", "{ }\n") },
  {
    weight: 8,
    arbitrary: fc
      .tuple(members(value), knownKeys, fc.boolean(), space, fc.constantFrom("", "\n"))
      .filter(
        ([other, known]) =>
          !other.some((text) => known.some((entry) => text.startsWith(entry.split(":")[0]!))),
      )
      .map(([other, known, first, gap, end]) => {
        const all = first ? [...known, ...other] : [...other, ...known];
        return `{${gap}${all.join(`,${gap}`)}${gap}}${end}`;
      }),
  },
);

/** What a stack may want beyond mirrors, in Docker's own spelling. */
export const wantedSettings: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    "log-driver": fc.constantFrom("local", "json-file"),
    "log-opts": fc.record(
      { "max-size": fc.constantFrom("10m", "20m"), "max-file": fc.constant("5") },
      { requiredKeys: ["max-size"] },
    ),
    runtimes: fc.constant({ nvidia: { path: "nvidia-container-runtime" } }),
    features: fc.record({ cdi: fc.boolean() }),
    builder: fc.constantFrom(
      { gc: { enabled: true, policy: [{ keepStorage: "10GB" }] } },
      { gc: { enabled: false } },
    ),
    "live-restore": fc.boolean(),
    "insecure-registries": fc.subarray(["ours:5000", "theirs:5000", "10.0.0.0/8"], { minLength: 1 }),
    labels: fc.constantFrom(["gpu=yes"], ["a=1"]),
    "max-concurrent-downloads": fc.constantFrom(3, 6),
    dns: fc.constant(["1.1.1.1"]),
    "default-ulimits": fc.constant({ nofile: { Name: "nofile", Hard: 64000, Soft: 64000 } }),
  },
  { requiredKeys: [] },
);
