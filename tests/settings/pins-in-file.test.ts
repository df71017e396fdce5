import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { withPins } from "../../lib/settings/pins-in-file.ts";

const [first, second] = ["0123456789abcdef", "1111111111111111"] as const;
const key = "gpu-build-host:pinnedVersions";
const configOf = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;
const repository = join(import.meta.dirname, "..", "..");

describe("pins in a stack's file", () => {
  for (const stack of ["dev", "sandbox"]) {
    const text = readFileSync(join(repository, `Pulumi.${stack}.yaml`), "utf8");

    it(`are written into Pulumi.${stack}.yaml as lines of their own, and leave no trace`, () => {
      const pinned = withPins(text, { whisperx: first, "cuda-base-runtime": second });
      assert.deepEqual(configOf(pinned)[key], { whisperx: first, "cuda-base-runtime": second });
      const added = pinned.split("\n").filter((line) => !text.split("\n").includes(line));
      assert.equal(added.length, 3, added.join("\n"));
      assert.equal(
        pinned
          .split("\n")
          .filter((line) => !added.includes(line))
          .join("\n"),
        text,
      );
      const fewer = withPins(pinned, { whisperx: undefined });
      assert.deepEqual(configOf(fewer)[key], { "cuda-base-runtime": second });
      assert.equal(withPins(fewer, { "cuda-base-runtime": undefined }), text);
    });
  }

  it("keep the comments beside and between them, and stay text where they look like a number", () => {
    const text = [
      "# above",
      "config:",
      `  ${key}: # ours`,
      "    # since Monday",
      `    whisperx: "${first}" # the new one stutters`,
      `    other: "${first}"`,
      "  gpu-build-host:keepVersions: 5 # enough",
      "",
    ].join("\n");
    const moved = withPins(text, { whisperx: second });
    assert.equal(moved, text.replace(first, second));
    assert.equal((configOf(moved)[key] as Record<string, unknown>)["whisperx"], second);
    assert.equal(
      withPins(text, { more: second }),
      text.replace(`  gpu-build-host:keep`, `    more: "${second}"\n  gpu-build-host:keep`),
    );
    assert.equal(withPins(text, { whisperx: first, missing: undefined }), text);
  });

  for (const [what, end] of [
    ["a list", "    smokeTest:\n      - test\n      - -f # is it there"],
    ["a map in a list", "    mounts:\n      - from: /a\n        to:\n          - /b"],
    ["text of several lines", "    note: |\n      one\n      two"],
    ["an empty value", "    note:"],
  ] as const)
    it(`are lines of their own behind ${what}, and everything else stays as it is written`, () => {
      const text = `config:\n  gpu-build-host:services: # all of them\n${end}\nencryptionsalt: x\n`;
      const pinned = withPins(text, { whisperx: first });
      assert.match(pinned, new RegExp(`\n  ${key}: # .*\n    whisperx: "${first}"\nencryptionsalt: x\n$`));
      assert.equal(withPins(pinned, { whisperx: undefined }), text);
    });

  for (const [what, text] of [
    ["in one line", `config: {"gpu-build-host:adoptTags": true} # here\nencryptionsalt: x\n`],
    ["with pins in one line", `config:\n  ${key}: {other: "${first}"} # here\nencryptionsalt: x\n`],
    ["with pins as JSON text", `config:\n  ${key}: '{"other":"${first}"}'\n  # here\nencryptionsalt: x\n`],
    ["without settings", `# here\nencryptionsalt: x\n`],
    [
      "with Windows' line ends",
      `config:\r\n  gpu-build-host:adoptTags: true # here\r\nencryptionsalt: x\r\n`,
    ],
  ] as const)
    it(`are written into a file ${what}`, () => {
      const before = (parse(text) as { config?: Record<string, unknown> }).config ?? {};
      const others = text.includes("other") ? { other: first } : {};
      const pinned = withPins(text, { whisperx: second });
      assert.deepEqual(configOf(pinned), { ...before, [key]: { ...others, whisperx: second } });
      assert.match(pinned, /# here/);
      assert.match(pinned, /^encryptionsalt: x/m);
      const { [key]: _, ...rest } = before;
      const cleared = (parse(withPins(pinned, { whisperx: undefined, other: undefined })) as StackFile)
        .config;
      assert.deepEqual(cleared ?? {}, rest);
    });
});

interface StackFile {
  config?: Record<string, unknown> | null;
}
