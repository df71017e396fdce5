import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readConflict } from "../../lib/locks/conflict.ts";

/** What uv 0.13.9 really said, about packages of PyPI. */
const folder = join(import.meta.dirname, "uv-words");
const read = (name: string, constraints: string[] = []) =>
  readConflict(readFileSync(join(folder, `${name}.txt`), "utf8"), { project: "lock", constraints });

const lines: Record<string, string> = {
  "whisperx-wants-newer-torch":
    "whisperx 3.8.6 needs torch >=2.8.0,<2.9.dev0, and the requirements say torch 2.7.1",
  "whisperx-wants-newer-torchvision":
    "whisperx 3.8.6 needs torchvision >=0.23.0,<0.24.dev0, and the requirements say torchvision 0.22.1",
  "torchvision-of-another-torch":
    "torchvision 0.22.1 needs torch 2.7.1, and the requirements say torch 2.8.0",
  "xformers-of-another-torch":
    "xformers 0.0.31.post1 needs torch 2.7.1, and the requirements say torch 2.8.0",
  "long-list": "xformers 0.0.31.post1 needs torch 2.7.1, and the requirements say torch 2.8.0",
  "numpy-too-old": "whisperx 3.7.3 needs numpy >=2.0.2,<2.1.0, and the requirements say numpy 1.23.5",
  "numpy-twice": "the requirements ask for numpy <2 and >=2.0.2",
  "hub-too-new":
    "transformers 4.57.1 needs huggingface-hub >=0.34.0,<1.0, and the requirements say huggingface-hub >=1.0",
  "python-too-old": "numpy 2.3.0 needs Python >=3.11, and the base has 3.10",
  "python-too-old-for-whisperx": "whisperx 3.8.6 needs Python >=3.10,<3.14, and the base has 3.9",
  yanked: "whisperx 3.7.3 was yanked (incompatible torch, torchaudio version), so only ==3.7.3 takes it",
  "no-such-version": "the package index has no torch 2.99.0",
  "no-such-package": "the package index has no no-such-package-gbh-x",
  "too-new-for-the-limit":
    "the package index has no torch 2.9.0 from before 2025-09-02, the limit in requirements.in (exclude-newer)",
  "no-wheel-for-this-python": "torch 2.7.1 has no wheel for cp314",
  "proof-of-many-steps": "no versions go together with torchvision >=0.23 and torchaudio <2.8",
  "sources-only": "docopt has sources only, and what it needs is known once it is built",
  "sources-only-far-down": "docopt has sources only, and what it needs is known once it is built",
  offline: "the package index cannot be asked",
};

describe("readConflict", () => {
  for (const [name, line] of Object.entries(lines))
    it(`makes one line of uv's words: ${name}`, () => {
      assert.equal(read(name)?.line, line);
    });

  it("names who asks for what", () => {
    assert.deepEqual(read("xformers-of-another-torch")?.wanted, [
      { name: "torch", specifiers: "==2.7.1", by: "xformers==0.0.31.post1" },
      { name: "torch", specifiers: "==2.8.0", by: "requirements" },
    ]);
    assert.deepEqual(read("constraint-torch", ["torch==2.8.0"])?.wanted, [
      { name: "torch", specifiers: ">=2.7.1,<2.8.dev0", by: "whisperx==3.7.3" },
      { name: "torch", specifiers: "==2.8.0", by: "constraints" },
    ]);
  });

  it("has no word for what is no conflict", () => {
    assert.equal(read("index-away"), undefined);
    assert.equal(readConflict("", { project: "lock" }), undefined);
  });

  it("has read every message that is kept here", () => {
    const known = [...Object.keys(lines), "constraint-torch", "index-away"].sort();
    assert.deepEqual(
      readdirSync(folder)
        .map((file) => file.replace(/\.txt$/, ""))
        .sort(),
      known,
    );
  });
});
