import assert from "node:assert/strict";
import type { DockerfileInputs, ReadOptions } from "../../lib/images/build-inputs.ts";
import { readInputs } from "../../lib/images/dockerfile-inputs.ts";
import { readSyntax } from "../../lib/images/dockerfile-syntax.ts";
import { expandWord } from "../../lib/images/variable-expansion.ts";

function inputsOf(text: string, options: Partial<ReadOptions> = {}): DockerfileInputs {
  const common = {
    args: {},
    contexts: [],
    platform: "linux/amd64",
    buildPlatform: "linux/amd64",
    inherit: () => undefined,
  };
  return readInputs(readSyntax(text, "Dockerfile"), { ...common, ...options });
}

const imagesOf = (text: string, options?: Partial<ReadOptions>) =>
  inputsOf(text, options).images.map(({ reference }) => reference);
const pathsOf = (text: string, options?: Partial<ReadOptions>) =>
  inputsOf(text, options).sources.map(({ context, path }) => (context ? `${context}:${path}` : path));

describe("variables in a Dockerfile", () => {
  const values: Record<string, string> = { A: "a", EMPTY: "" };
  const table: [string, string][] = [
    ["$A", "a"],
    ["${A}b", "ab"],
    ["$Ab", ""],
    ["${B:-x}", "x"],
    ["${B-x}", "x"],
    ["${EMPTY:-x}", "x"],
    ["${EMPTY-x}", ""],
    ["${A:+x}", "x"],
    ["${B:+x}", ""],
    ["${EMPTY:+x}", ""],
    ["${EMPTY+x}", "x"],
    ["${B:-${A}/$A}", "a/a"],
    ["'$A'", "$A"],
    ['"$A b"', "a b"],
    ["\\$A", "$A"],
    ['"\\$A"', "$A"],
    ["$", "$"],
    ["a$ b", "a$ b"],
  ];
  for (const [word, expected] of table)
    it(`expands ${word}`, () => assert.equal(expandWord(word, (name) => values[name]).text, expected));
  it("names what has no value, but not what a default replaces", () => {
    assert.deepEqual(expandWord("$X${Y:-$Z}${A:-$W}", (name) => values[name]).unset, ["X", "Z"]);
  });
  it("reports ${X:?message}, an open quote and forms that it does not know", () => {
    assert.equal(expandWord("${X:?is needed}", () => undefined).problem, "X: is needed");
    assert.equal(expandWord('"a', () => undefined).problem, "a quote is not closed");
    assert.match(expandWord("${A#a}", () => "a").unknown!, /not supported/);
  });
});

describe("images that a Dockerfile names", () => {
  const table: [string, string, string[], Partial<ReadOptions>?][] = [
    ["FROM with a default", "ARG V=1\nFROM base:${V}", ["base:1"]],
    ["FROM with a given argument", "ARG V=1\nFROM base:${V}", ["base:2"], { args: { V: "2" } }],
    ["FROM with nested defaults", "ARG A=x\nARG B=${A}-y\nFROM i:${B:-z}", ["i:x-y"]],
    ["--platform", "FROM --platform=$BUILDPLATFORM golang:1", ["golang:1"]],
    ["the target's architecture", "FROM tool:${TARGETARCH}", ["tool:arm64"], { platform: "linux/arm64" }],
    ["scratch", "FROM scratch\nCOPY --from=scratch a b", []],
    [
      "stages are no images",
      "FROM a:1 AS Build\nFROM build\nCOPY --from=BUILD x y\nCOPY --from=0 x y",
      ["a:1"],
    ],
    [
      "COPY --from and mounts",
      "FROM a\nCOPY --from=b:1 x y\nRUN --mount=from=c:1,source=/x,target=/y true",
      ["a", "b:1", "c:1"],
    ],
    [
      "a cache that starts from an image",
      "FROM a\nRUN --mount=type=cache,from=d:1,target=/c true",
      ["a", "d:1"],
    ],
    [
      "only the stages that are needed",
      "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=one x y",
      ["c", "a"],
    ],
    ["a target", "FROM a AS one\nFROM b AS two", ["a"], { target: "ONE" }],
    ["a target by number", "FROM a\nFROM b", ["a"], { target: "0" }],
    [
      "a later stage in COPY --from",
      "FROM a AS one\nCOPY --from=two x y\nFROM b AS two",
      ["b", "a"],
      { target: "one" },
    ],
    ["a here-document that looks like one", "FROM a\nRUN <<EOF\nFROM b\nCOPY --from=c x y\nEOF\n", ["a"]],
    ["comments and continued lines", "FROM \\\n# comment\n\n  a:1 \\\n  AS x\n", ["a:1"]],
    ["the escape directive", "# escape=`\nFROM `\n  a:1\n", ["a:1"]],
    [
      "a registry, a digest",
      `FROM ghcr.io/x/y@sha256:${"a".repeat(64)}`,
      [`ghcr.io/x/y@sha256:${"a".repeat(64)}`],
    ],
    ["a named context instead of an image", "FROM base:1\nCOPY x y", [], { contexts: ["base:1"] }],
    [
      "a named context instead of a stage",
      "FROM a AS one\nFROM b\nCOPY --from=one x y",
      ["b"],
      { contexts: ["one"] },
    ],
    ["an image twice", "FROM a AS x\nFROM a:latest\nCOPY --from=x y z", ["a:latest"]],
    ["Windows line ends and a byte order mark", "\uFEFFFROM a:1\r\nCOPY x y\r\n", ["a:1"]],
  ];
  for (const [what, text, expected, options] of table)
    it(what, () => assert.deepEqual(imagesOf(text, options).sort(), [...expected].sort()));
});

describe("paths that a Dockerfile takes from its context", () => {
  const table: [string, string, string[], Partial<ReadOptions>?][] = [
    ["COPY with several sources", "FROM a\nCOPY one two/ three", ["one", "two/"]],
    ["JSON form with spaces", 'FROM a\nCOPY ["a b", "c", "/d"]', ["a b", "c"]],
    ["JSON that is none", "FROM a\nCOPY [a-c].txt /d/", ["[a-c].txt"]],
    ["ARG and ENV in a path", "FROM scratch\nARG D=x\nENV E=$D/y\nCOPY $E/z.txt /", ["x/y/z.txt"]],
    ["ENV before ARG", "FROM scratch\nENV N=env\nARG N=arg\nCOPY $N /", ["env"]],
    ["the old form of ENV", "FROM scratch\nENV N some words\nCOPY ${N} /", ["some words"]],
    ["ENV of an earlier stage", "FROM scratch AS one\nENV N=n\nFROM one\nCOPY $N /", ["n"]],
    ["ARG is not inherited", "FROM scratch AS one\nARG N=n\nFROM one\nCOPY x$N /", ["x"]],
    [
      "a global ARG counts after ARG in the stage",
      "ARG N=n\nFROM scratch\nCOPY 1$N /\nARG N\nCOPY 2$N /",
      ["1", "2n"],
    ],
    ["a variable of the base image: everything", "FROM a\nCOPY $HOME/x /", ["."]],
    ["here-documents are no files", 'FROM a\nCOPY <<A <<"B" real.txt /d/\nx\nA\ny\nB\n', ["real.txt"]],
    ["a here-document alone", "FROM a\nCOPY <<A /d\nx\nA\n", []],
    ["URLs and Git in ADD", "FROM a\nADD https://x.y/z.tgz git@github.com:o/r.git local /d/", ["local"]],
    ["COPY --from takes nothing", "FROM a\nCOPY --from=b x y", []],
    ["bind mounts", "FROM a\nRUN --mount=target=/x --mount=type=bind,src=lib,target=/y true", [".", "lib"]],
    [
      "mounts that take nothing",
      "FROM a\nRUN --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=tmpfs,target=/t --mount=type=ssh true",
      [],
    ],
    ["a mount in quotes", 'FROM a\nRUN --mount="type=bind,source=q,target=/y" true', ["q"]],
    ["flags before", "FROM a\nCOPY --chown=1:2 --chmod=755 --link x y", ["x"]],
    [
      "named contexts",
      "FROM a\nCOPY --from=assets i/*.png /i\nRUN --mount=from=assets,target=/a true",
      ["assets:i/*.png", "assets:."],
      { contexts: ["assets"] },
    ],
    ["ONBUILD takes nothing here", "FROM a\nONBUILD COPY x y", []],
    ["ONBUILD of an earlier stage", "FROM a AS one\nONBUILD COPY x y\nFROM one", ["x"]],
    [
      "ONBUILD and ENV of a parent",
      "FROM parent\nCOPY $N /",
      ["from-parent", "n"],
      { inherit: () => ({ env: new Map([["N", "n"]]), envComplete: true, onbuild: ["COPY from-parent /"] }) },
    ],
    ["a stage that nothing needs", "FROM a AS one\nCOPY x y\nFROM b", []],
    ["the escape directive", "# escape=`\nFROM a\nCOPY a`\n  b c\n", ["a", "b"]],
  ];
  for (const [what, text, expected, options] of table)
    it(what, () => assert.deepEqual(pathsOf(text, options), expected));
});

describe("the text that counts", () => {
  const text = "ARG UNUSED=1\nARG V=1\nFROM a:${V} AS one\nRUN x\nFROM b AS two\nRUN y\nFROM one\nCOPY a b\n";
  const same = (other: string) => assert.equal(inputsOf(other).text, inputsOf(text).text);
  it("is the same with other comments, empty lines, spellings and unneeded stages", () => {
    same(text.replace("RUN x", "# why\nrun   x\n"));
    same(text.replace("COPY a b", "COPY \\\n  # why\n  a b").replace("COPY a b", "COPY a b"));
    same(text.replace("RUN y", "RUN z"));
    same(text.replace("UNUSED=1", "UNUSED=2"));
  });
  it("is another with other instructions, needed arguments and here-documents", () => {
    const other = (changed: string) => assert.notEqual(inputsOf(changed).text, inputsOf(text).text);
    other(text.replace("RUN x", "RUN z"));
    other(text.replace("V=1", "V=2"));
    other(`# syntax=docker/dockerfile:1\n${text}`);
    const here = "FROM a\nRUN <<E\n# one\nE\n";
    assert.notEqual(inputsOf(here).text, inputsOf(here.replace("one", "two")).text);
  });
  it("has only the arguments that needed stages declare", () => {
    const args = inputsOf("ARG V=1\nARG W=2\nFROM a:$V\nARG X\nARG Y=$V\nFROM b\nARG Z", {
      args: { X: "x", Z: "z", Q: "q" },
      target: "0",
    }).args;
    assert.deepEqual([...args].sort(), [
      ["V", "1"],
      ["X", "x"],
      ["Y", ""],
    ]);
  });
});

describe("a Dockerfile that cannot be built", () => {
  const table: [string, string, RegExp, Partial<ReadOptions>?][] = [
    ["an unknown instruction", "FROM a\nRUNN x", /^Dockerfile:2: unknown instruction RUNN$/i],
    ["nothing", "", /^Dockerfile:1: there is no FROM/],
    ["an instruction before FROM", "RUN x\nFROM a", /^Dockerfile:1: RUN stands before the first FROM/],
    [
      "an argument without value in FROM",
      "ARG V\nFROM a:${V}",
      /^Dockerfile:2: FROM a:\$\{V\}: the argument V has no value; set it in args or give its ARG a default/,
    ],
    ["an argument with its own message", "ARG V\nFROM a:${V:?choose}", /^Dockerfile:2: FROM .*: V: choose/],
    [
      "a FROM with too many words",
      "FROM a b",
      /^Dockerfile:1: FROM must be "FROM image" or "FROM image AS name", got "FROM a b"/,
    ],
    [
      "a FROM that is no reference",
      "FROM A:b:c",
      /^Dockerfile:1: FROM: "A:b:c" is neither a stage nor an image reference/,
    ],
    ["an instruction without argument", "FROM a\nCOPY", /^Dockerfile:2: COPY needs an argument/],
    [
      "a COPY without destination",
      "FROM a\nCOPY x",
      /^Dockerfile:2: COPY needs at least one source and a destination/,
    ],
    ["two stages of one name", "FROM a AS x\nFROM b AS X", /^Dockerfile:2: the stage name "x" is taken/],
    ["a stage name that cannot be", "FROM a AS 1x", /^Dockerfile:1: "1x" cannot be the name of a stage/],
    [
      "an unknown target",
      "FROM a AS x\nFROM b AS y",
      /^Dockerfile:1: there is no stage "z"; stages are x, y/,
      { target: "z" },
    ],
    [
      "a variable in --from",
      "ARG B=b\nFROM a\nCOPY --from=$B x y",
      /^Dockerfile:3: COPY --from=\$B: BuildKit expands no variable here; add a stage/,
    ],
    [
      "stages in a circle",
      "FROM a AS one\nCOPY --from=two x y\nFROM b AS two\nCOPY --from=one x y",
      /^Dockerfile:\d: stages depend on each other in a circle/,
    ],
    ["an open quote", 'FROM a\nCOPY "x y z', /^Dockerfile:2: COPY "x: a quote is not closed/],
    [
      "an unknown mount",
      "FROM a\nRUN --mount=type=bnd,target=/x true",
      /^Dockerfile:2: RUN --mount: unknown type "bnd"/,
    ],
  ];
  for (const [what, text, message, options] of table)
    it(what, () =>
      assert.throws(
        () => inputsOf(text, options),
        (error: Error) => (assert.match(error.message, message), true),
      ),
    );
});
