import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { baseLockNames, baseLockOf } from "../../lib/locks/base-packages.ts";
import { parseLock, type Lock } from "../../lib/locks/lock-text.ts";
import { requirementsFor } from "../../lib/locks/files.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
const baseFolders = readdirSync(join(root, "cuda-base/locks"));
const serviceLocks = ["whisperx", "infinitetalk"].flatMap((name) =>
  readdirSync(join(root, "services", name, "locks"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".lock"))
    .map((file) => join("services", name, "locks", file)),
);

describe("the committed locks", () => {
  for (const folder of baseFolders)
    it(`${folder}: each package in its layer, of the version that the folder names, with hashes`, () => {
      const [, torch, cuda] = /^torch([\d.]+)-cu(\d+)-py\d+$/.exec(folder)!;
      for (const name of baseLockNames) {
        const lock = parseLock(read("cuda-base/locks", folder, `${name}.lock`));
        assert.ok(lock.entries.size > 0);
        for (const entry of lock.entries.keys()) assert.equal(baseLockOf(entry), name, entry);
        assertHashes(lock);
        if (name === "torch")
          assert.match(lock.entries.get("torch")!.version, new RegExp(`^${torch}(\\+cu${cuda})?$`));
      }
    });

  it("have hashes for every package of every service, and none of torch's", () => {
    for (const path of serviceLocks) {
      const lock = parseLock(read(path));
      assertHashes(lock);
      for (const entry of lock.entries.keys()) assert.equal(baseLockOf(entry), "python", `${path}: ${entry}`);
    }
  });

  it("hold both lightnings of WhisperX below 2.6, and whisperx at the one release that works with the torch", () => {
    const works: Record<string, string> = { "2.7.1": "3.7.3", "2.8.0": "3.8.6" };
    for (const file of readdirSync(join(root, "services/whisperx/locks")).filter((name) =>
      name.endsWith(".lock"),
    )) {
      const { entries } = parseLock(read("services/whisperx/locks", file));
      assert.equal(entries.get("whisperx")?.version, works[/^torch([\d.]+)-/.exec(file)![1]!]);
      assert.equal(entries.get("ctranslate2")?.version, "4.6.3");
      for (const name of ["lightning", "pytorch-lightning"])
        assert.match(entries.get(name)!.version, /^2\.[0-5]\./, name);
    }
  });

  it("come from requirements that can be read", async () => {
    for (const folder of ["cuda-base", "services/whisperx", "services/infinitetalk"])
      for (const torch of ["2.7.1", "2.8.0", "2.11.0"]) {
        const requirements = await requirementsFor(join(root, folder), torch);
        assert.ok(requirements.lines.length > 0 && requirements.excludeNewer, folder);
      }
  });
});

function assertHashes(lock: Lock): void {
  for (const [name, { text }] of lock.entries) assert.match(text, /--hash=sha256:[0-9a-f]{64}/, name);
}
