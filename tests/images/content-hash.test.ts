import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FileHashCache } from "../../lib/images/file-hash-cache.ts";
import { type PlanOptions } from "../../lib/images/plan.ts";
import type { ImageDefinition } from "../../lib/images/types.ts";
import { digest, usePlanProject } from "./plan-project.ts";

describe("what goes into an image's hash", () => {
  const project = usePlanProject();
  const { write, definition, planAll, planApp } = project;

  describe("content hash", () => {
    const same: [string, () => void | Partial<ImageDefinition>][] = [
      ["another time", () => utimesSync(join(project.folder, "app/run.sh"), 1, 1)],
      ["the same bytes written again", () => write("app/run.sh", "run")],
      ["an ignored file", () => write("app/src/main.pyc", "other")],
      ["a file in an ignored folder", () => write("app/src/tmp/drop", "other")],
      ["a file that no COPY names", () => write("app/README.md", "other")],
      [
        "a comment in .dockerignore",
        () => appendFileSync(join(project.folder, "app/.dockerignore"), "# more\n"),
      ],
      [
        "a comment in the Dockerfile",
        () => appendFileSync(join(project.folder, "app/Dockerfile"), "# more\n"),
      ],
      ["an argument that the Dockerfile does not declare", () => ({ args: { NOBODY: "1" } })],
      ["a proxy", () => ({ args: { HTTP_PROXY: "http://proxy:3128" } })],
      ["the Dockerfile by another path", () => ({ dockerfile: join(project.folder, "app/Dockerfile") })],
      ["a secret", () => ({ secrets: { token: { env: "TOKEN" } } })],
      ["a network", () => ({ network: "host" })],
    ];
    for (const [what, change] of same)
      it(`is the same with ${what}`, async () => {
        const before = await planApp();
        assert.equal((await planApp(change() ?? {})).hash, before.hash);
      });

    const other: [string, string[], () => void | Partial<ImageDefinition>][] = [
      ["other bytes", ["file run.sh"], () => write("app/run.sh", "ran")],
      [
        "other bytes of the same size and time",
        ["file run.sh"],
        () => {
          utimesSync(join(project.folder, "app/run.sh"), 1, 1);
          write("app/run.sh", "nur");
          utimesSync(join(project.folder, "app/run.sh"), 1, 1);
        },
      ],
      ["another mode", ["file run.sh"], () => chmodSync(join(project.folder, "app/run.sh"), 0o755)],
      ["another mode of a folder", ["file src"], () => chmodSync(join(project.folder, "app/src"), 0o700)],
      [
        "another name under a pattern",
        ["file lib1.txt", "file lib2.txt"],
        () => renameSync(join(project.folder, "app/lib1.txt"), join(project.folder, "app/lib2.txt")),
      ],
      [
        "another name in a folder",
        ["file src/main.py", "file src/Main.py"],
        () => renameSync(join(project.folder, "app/src/main.py"), join(project.folder, "app/src/Main.py")),
      ],
      [
        "another link target",
        ["file src/link"],
        () => {
          unlinkSync(join(project.folder, "app/src/link"));
          symlinkSync("other", join(project.folder, "app/src/link"));
        },
      ],
      ["a further file", ["file src/new"], () => write("app/src/new", "")],
      [
        "a further empty folder",
        ["file src/empty"],
        () => void mkdirSync(join(project.folder, "app/src/empty")),
      ],
      [
        "a file that an exception brings back",
        ["file src/tmp/keep"],
        () => write("app/src/tmp/keep", "other"),
      ],
      [
        "a rule that ignores less",
        ["file src/main.pyc"],
        () => write("app/.dockerignore", "src/tmp\n!src/tmp/keep\n"),
      ],
      [
        "rules of the Dockerfile's own",
        ["file src/main.pyc", "file src/tmp/drop"],
        () => write("app/Dockerfile.dockerignore", "x\n"),
      ],
      [
        "an instruction",
        ["dockerfile"],
        () => appendFileSync(join(project.folder, "app/Dockerfile"), "RUN x\n"),
      ],
      ["a declared argument", ["argument MODE"], () => ({ args: { MODE: "fast" } })],
      ["a platform", ["platform"], () => ({ platform: "linux/riscv64" })],
      ["a forced rebuild", ["rebuild"], () => ({ rebuild: { count: 1, noCache: false } })],
    ];
    for (const [what, parts, change] of other)
      it(`is another with ${what}, and says which part`, async () => {
        const before = await planApp();
        const after = await planApp(change() ?? {});
        assert.notEqual(after.hash, before.hash);
        const keys = [...new Set([...Object.keys(before.parts), ...Object.keys(after.parts)])];
        assert.deepEqual(
          keys.filter((key) => before.parts[key] !== after.parts[key]).sort(),
          [...parts].sort(),
        );
      });

    it("is the same for another clone, and names no path of this machine", async () => {
      const before = await planApp();
      cpSync(join(project.folder, "app"), join(project.folder, "clone"), {
        recursive: true,
        verbatimSymlinks: true,
      });
      const clone = await planApp({ context: join(project.folder, "clone") });
      assert.deepEqual(clone.parts, before.parts);
      assert.equal(clone.hash, before.hash);
      assert.ok(!JSON.stringify([before.parts, before.reference, before.hash]).includes(project.folder));
    });

    it("follows the digest of an external image, the content of named contexts, and parents", async () => {
      write("base/Dockerfile", "FROM os:1\nCOPY a /\n");
      write("base/a", "a");
      write("assets/pic", "pic");
      write("app/Dockerfile", "FROM base:1\nCOPY --from=assets pic /\n");
      const images = () => [
        definition("app", {
          contexts: { assets: join(project.folder, "assets"), unused: join(project.folder, "nowhere") },
        }),
        definition("base"),
      ];
      const hashes = async (further?: Partial<PlanOptions>) =>
        Object.fromEntries((await planAll(images(), further)).map(({ name, hash }) => [name, hash]));
      const first = await hashes();
      const otherDigest = await hashes({ digests: { digestOf: async () => digest.replace("1", "2") } });
      assert.ok(otherDigest.base !== first.base && otherDigest.app !== first.app);
      write("assets/pic", "other");
      const otherPicture = await hashes();
      assert.ok(otherPicture.base === first.base && otherPicture.app !== first.app);
      write("assets/pic", "pic");
      write("base/a", "b");
      const otherBase = await hashes();
      assert.ok(otherBase.base !== first.base && otherBase.app !== first.app);
      assert.deepEqual(
        await hashes({ cacheAddresses: { "docker.io": "127.0.0.1:5001" }, variant: "test" }),
        otherBase,
      );
    });

    it("reads an unchanged file only once, a damaged memory not at all", async () => {
      utimesSync(join(project.folder, "app/run.sh"), 1, 1);
      await new Promise((resolve) => setTimeout(resolve, 2600)); // files as young as this are always read
      const before = await planApp();
      const memory = join(
        project.folder,
        "state/file-hashes",
        readdirSync(join(project.folder, "state/file-hashes"))[0]!,
      );
      const [, body = ""] = readFileSync(memory, "utf8").split("\n");
      const known = new Map(JSON.parse(body) as [string, string][]);
      assert.deepEqual([...known.keys()].sort(), ["lib1.txt", "run.sh", "src/main.py", "src/tmp/keep"]);
      // Proof that the memory is what counts: the file's content under its old stamp is not looked at.
      const { createHash } = await import("node:crypto");
      const forged = JSON.stringify(
        [...known].map(([path, entry]) => [
          path,
          path === "run.sh" ? entry.replace(/\w+$/, "f".repeat(16)) : entry,
        ]),
      );
      writeFileSync(memory, `${createHash("sha256").update(forged).digest("hex")}\n${forged}`);
      assert.equal((await planApp()).parts["file run.sh"], `0644 ${"f".repeat(16)}`);
      truncateSync(memory, 100);
      assert.equal((await planApp()).hash, before.hash);
      writeFileSync(memory, forged); // no checksum
      assert.equal((await planApp()).hash, before.hash);
      // As long, in the same file and with the old time: only the time of the change itself tells.
      const file = join(project.folder, "app/run.sh");
      const { atimeMs, mtimeMs, ino } = statSync(file);
      writeFileSync(file, "nur");
      utimesSync(file, atimeMs / 1000, mtimeMs / 1000);
      assert.deepEqual([statSync(file).mtimeMs, statSync(file).ino], [mtimeMs, ino]);
      assert.notEqual((await planApp()).parts["file run.sh"], before.parts["file run.sh"]);
    });

    it("trusts no file that changed just before it was read: it may change again within the same time", async () => {
      const state = join(project.folder, "state");
      const remembered = async (changedAt: number) => {
        const cache = await FileHashCache.open(state, "/context");
        cache.set("a.txt", { stamp: `${changedAt}`, changedAt }, "0123");
        await cache.save();
        return (await FileHashCache.open(state, "/context")).get("a.txt", {
          stamp: `${changedAt}`,
          changedAt,
        });
      };
      const now = Date.now();
      assert.equal(await remembered(now), undefined);
      assert.equal(await remembered(now - 2000), undefined); // FAT's times are that coarse
      assert.equal(await remembered(now + 3_600_000), undefined); // a clock that was set back
      assert.equal(await remembered(now - 4000), "0123");
    });

    it("shows folders instead of files above 200 of them", async () => {
      write("app/Dockerfile", "FROM os:1\nCOPY . /app\n");
      for (let count = 0; count < 300; count++) write(`app/data/${count % 7}/${count}`, "x");
      const before = await planApp();
      assert.ok(Object.keys(before.parts).length < 210);
      write("app/data/3/3", "y");
      const after = await planApp();
      assert.deepEqual(
        Object.keys(after.parts).filter((key) => before.parts[key] !== after.parts[key]),
        ["file data/3/"],
      );
    });
  });
});
