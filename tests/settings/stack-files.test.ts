import assert from "node:assert/strict";
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { imageDefinitions, lockName } from "../../lib/images/definitions.ts";
import { planImages } from "../../lib/images/plan.ts";
import { baseLockNames } from "../../lib/locks/base-packages.ts";
import { baseLockFolder, serviceLockFile } from "../../lib/locks/files.ts";
import { parseLock } from "../../lib/locks/lock-text.ts";
import { settingsBeforeStart } from "../../lib/settings/load.ts";
import type { Settings } from "../../lib/settings/settings.ts";

const root = join(import.meta.dirname, "..", "..");
const stacks = readdirSync(root).flatMap((file) => /^Pulumi\.(\w+)\.yaml$/.exec(file)?.[1] ?? []);
const settingsOf = (stack: string) => settingsBeforeStart(root, stack, "unix:///run/docker.sock");
/** Stacks that are on one machine's engine together. */
const workstation = stacks.filter((stack) => stack !== "sandbox");

describe("the committed stacks", () => {
  it("are one for each version of CUDA, and the sandbox", () =>
    assert.deepEqual(stacks.sort(), ["cu126", "cu130", "dev", "sandbox"]));

  for (const stack of stacks) {
    it(`${stack} has all of its locks, each for the torch that the settings say`, () => {
      const settings = settingsOf(stack);
      const name = lockName(settings.cudaBase);
      for (const lock of baseLockNames) {
        const { entries } = parseLock(readFileSync(join(baseLockFolder(root, name), `${lock}.lock`), "utf8"));
        if (lock === "torch")
          assert.equal(entries.get("torch")?.version.split("+")[0], settings.cudaBase.torch);
        assert.ok(entries.size > 0, lock);
      }
      for (const [service, { context, args }] of Object.entries(settings.services)) {
        assert.ok(existsSync(serviceLockFile(join(root, context), name)), service);
        if (service === "infinitetalk" && (args["FLASH_ATTN"] ?? "wheel") === "wheel")
          assert.ok(existsSync(join(root, context, `locks/flash-attn/wheel-${name}.lock`)));
      }
    });

    it(`${stack} can be planned, and its salt is that of the empty passphrase`, async () => {
      const stateDir = mkdtempSync(join(tmpdir(), "gbh-stack-files-"));
      try {
        const plans = await planImages(imageDefinitions(settingsOf(stack)), {
          stack,
          digests: { digestOf: async () => `sha256:${"0".repeat(64)}` },
          stateDir,
        });
        assert.ok(plans.length >= 2);
      } finally {
        rmSync(stateDir, { recursive: true });
      }
      assert.equal(decrypted(saltOf(stack)), "pulumi");
    });
  }

  it("have a salt each", () => assert.equal(new Set(stacks.map(saltOf)).size, stacks.length));

  it("publish no tag twice on one machine, and have one cache there", () => {
    const all = workstation.map(settingsOf);
    const tags = all.flatMap((settings) => imageDefinitions(settings).flatMap((image) => image.tags));
    assert.deepEqual(tags, [...new Set(tags)]);
    const owners = all.filter(({ registryCache }) => registryCache.mode === "own");
    assert.deepEqual(
      owners.map(({ stack }: Settings) => stack),
      ["dev"],
    );
    assert.equal(new Set(all.map(({ registryCache }) => registryCache.port)).size, 1);
  });
});

function saltOf(stack: string): string {
  const content = parse(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8")) as Record<string, string>;
  return content["encryptionsalt"]!;
}

/** What Pulumi checks a passphrase by: the word that the salt's key has encrypted. */
function decrypted(salt: string, passphrase = ""): string {
  const [, ownSalt, , nonce, text] = salt.split(":").map((part) => Buffer.from(part, "base64"));
  const key = pbkdf2Sync(passphrase, ownSalt!, 1_000_000, 32, "sha256");
  const decipher = createDecipheriv("aes-256-gcm", key, nonce!);
  decipher.setAuthTag(text!.subarray(-16));
  return `${decipher.update(text!.subarray(0, -16)).toString()}${decipher.final().toString()}`;
}
