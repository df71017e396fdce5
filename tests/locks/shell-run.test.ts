import assert from "node:assert/strict";
import fc from "fast-check";
import { commandsThatRun } from "../../lib/locks/shell-run.ts";

const run = (text: string, values: Record<string, string> = {}) =>
  commandsThatRun(text, (name) => values[name]).map(({ words }) =>
    words.map((word) => word ?? "?").join(" "),
  );
const installs = (text: string, values?: Record<string, string>) =>
  run(text, values).filter((command) => command.startsWith("pip"));

describe("commandsThatRun", () => {
  const choice =
    'case "${FLASH_ATTN}" in none) ;; wheel|w*l) pip download a ;; source) export X=1 && pip wheel b ;; *) echo no >&2; exit 1 ;; esac';

  it("takes the one branch of a case", () => {
    assert.deepEqual(run(choice, { FLASH_ATTN: "none" }), []);
    assert.deepEqual(run(choice, { FLASH_ATTN: "wheel" }), ["pip download a"]);
    assert.deepEqual(run(choice, { FLASH_ATTN: "source" }), ["pip wheel b"]);
    assert.deepEqual(run(choice, { FLASH_ATTN: "x" }), ["echo no >&2", "exit 1"]);
  });

  it("takes the branch of a test that it can answer, and the first of one that only the build can", () => {
    const text =
      'if [ "$A" = yes ]; then pip install a; elif [ -n "$B" ]; then pip install b; else pip install c; fi';
    assert.deepEqual(installs(text, { A: "yes" }), ["pip install a"]);
    assert.deepEqual(installs(text, { B: "1" }), ["pip install b"]);
    assert.deepEqual(installs(text), ["pip install c"]);
    assert.deepEqual(installs("if [ -e /x ]; then pip install a; else pip install b; fi"), ["pip install a"]);
  });

  it("follows && and || where it knows the left side", () => {
    assert.deepEqual(installs('[ "$A" = none ] || pip install a', { A: "none" }), []);
    assert.deepEqual(installs('[ "$A" = none ] || pip install a', { A: "x" }), ["pip install a"]);
    assert.deepEqual(installs('test -z "$A" && pip install a', { A: "x" }), []);
    assert.deepEqual(installs("pip install a==1 || pip install a==2"), ["pip install a==1"]);
    assert.deepEqual(installs('python3 -c "import a" || pip install a'), ["pip install a"]);
  });

  it("fills in variables, its own too, and leaves open what only the build knows", () => {
    assert.deepEqual(installs("V=2.8.0; pip install torch==$V x==${W:-1} y==$(cat v)", {}), [
      "pip install torch==2.8.0 x==1 ?",
    ]);
    assert.deepEqual(installs("pip install $LIST", { LIST: "a==1 b==2" }), ["pip install a==1 b==2"]);
    assert.deepEqual(installs("V=$(cat v) && pip install a==$V"), ["pip install ?"]);
    assert.deepEqual(installs("pip install 'a==$V' a==$V", { V: "1" }), ["pip install a==$V a==1"]);
    assert.deepEqual(installs("for p in a==1 b==2; do pip install $p; done"), [
      "pip install a==1",
      "pip install b==2",
    ]);
  });

  it("reads scripts in scripts, groups and pipes, and passes functions over", () => {
    assert.deepEqual(installs("bash -euc 'cd /x && (pip install a | tee log) && { pip install b; }'"), [
      "pip install a",
      "pip install b",
    ]);
    assert.deepEqual(installs("f() { pip install a; }; sudo -E pip install b # pip install c"), [
      "pip install b",
    ]);
  });

  it("ends on any text", () => {
    const piece = fc.constantFrom(
      "case",
      "in",
      "esac",
      "if",
      "then",
      "fi",
      "for",
      "do",
      "done",
      "{",
      "}",
      "(",
      ")",
      ";;",
      ";",
      "&&",
      "||",
      "|",
      "'",
      '"',
      "$(",
      "`",
      "\\",
      "\n",
      " ",
      "$A",
      "a)",
      "while",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        commandsThatRun(pieces.join(" "), () => "x");
        commandsThatRun(pieces.join(""), () => undefined);
      }),
      { numRuns: 500 },
    );
  });
});
