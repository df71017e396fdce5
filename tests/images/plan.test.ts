import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { externalReferences } from "../../lib/images/plan.ts";
import type { ImageDefinition } from "../../lib/images/types.ts";
import { digest, usePlanProject } from "./plan-project.ts";

describe("planImages", () => {
  const project = usePlanProject();
  const { write, definition, planAll, planApp, problem } = project;

  describe("references and pins", () => {
    it("names hash reference, friendly tags, parents, pins and the base", async () => {
      write("base/Dockerfile", "FROM os:1\n");
      write(
        "app/Dockerfile",
        "ARG CUDA=12.8\nFROM base:runtime-${CUDA}\nCOPY --from=ghcr.io/x/y:2 a /\nRUN --mount=from=library/tool,target=/t true\n",
      );
      const [base, app] = await planAll(
        [definition("app"), definition("base", { tags: ["base:runtime-12.8", "base:latest"] })],
        { cacheAddresses: { "docker.io": "127.0.0.1:5000" }, variant: "test" },
      );
      assert.equal(base!.reference, `localhost:1/dev/base:runtime-12.8-test-${base!.hash}`);
      assert.deepEqual(base!.tags, ["base:runtime-12.8-test", "base:latest-test"]);
      assert.deepEqual(base!.pins, { "os:1": `docker-image://127.0.0.1:5000/library/os@${digest}` });
      assert.deepEqual(app!.parents, ["base"]);
      assert.equal(app!.base, base!.reference);
      assert.deepEqual(app!.pins, {
        "base:runtime-12.8": `docker-image://${base!.reference}`,
        "ghcr.io/x/y:2": `docker-image://ghcr.io/x/y@${digest}`,
        tool: `docker-image://127.0.0.1:5000/library/tool@${digest}`,
      });
      assert.match(base!.hash, /^[0-9a-f]{16}$/);
    });

    it("makes a repository of any stack's name, and never the same one of two", async () => {
      const references = new Set<string>();
      for (const stack of ["dev", "Dev", "cu128", "a_b", "a.b", "Ä"])
        references.add((await planAll([definition("app")], { stack }))[0]!.reference);
      assert.equal(references.size, 6);
      for (const reference of references)
        assert.match(reference, /^localhost:1\/[a-z0-9]+([._-]+[a-z0-9]+)*\/app:1-[0-9a-f]{16}$/);
    });

    it("passes only arguments that the Dockerfile declares, and those of BuildKit's own", async () => {
      const { args } = await planApp({
        args: { MODE: "m", OTHER: "o", http_proxy: "p", BUILDKIT_INLINE_CACHE: "1" },
      });
      assert.deepEqual(args, { MODE: "m", http_proxy: "p", BUILDKIT_INLINE_CACHE: "1" });
    });

    it("pins images behind named contexts, the stack's own too", async () => {
      write("base/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
      write("app/Dockerfile", "FROM one\nCOPY --from=two a b\n");
      const contexts = { one: "docker-image://base:1", two: "docker-image://os:1" };
      const [base, app] = await planAll([definition("app", { contexts }), definition("base")]);
      assert.deepEqual(app!.contexts, {
        one: `docker-image://${base!.reference}`,
        two: `docker-image://docker.io/library/os@${digest}`,
      });
      assert.deepEqual(app!.parents, ["base"]);
    });

    it("lists the external images", async () => {
      write("base/Dockerfile", "FROM app:1\nCOPY --from=nvcr.io/a/b:1 x y\n");
      assert.deepEqual(await externalReferences([definition("base"), definition("app")]), [
        "nvcr.io/a/b:1",
        "os:1",
      ]);
    });
  });

  describe("problems", () => {
    it("a circle of images, by name", async () => {
      write("a/Dockerfile", "FROM b:1\n");
      write("b/Dockerfile", "FROM os:1\nCOPY --from=c:1 x y\n");
      write("c/Dockerfile", "FROM os:1\nRUN --mount=from=a:1,target=/a true\n");
      assert.match(
        await problem([definition("a"), definition("b"), definition("c")]),
        /^images build on each other in a circle: (a → b → c → a|b → c → a → b|c → a → b → c)/,
      );
      write("a/Dockerfile", "FROM a:1\n");
      assert.match(await problem([definition("a")]), /^images build on each other in a circle: a → a/);
    });

    it("a tag that is nearly ours, with the nearest, and a way to the registry's own", async () => {
      write("base/Dockerfile", "FROM os:1\n");
      const base = definition("base", { tags: ["base:runtime-12.8", "base:devel-12.8"] });
      write("app/Dockerfile", "FROM base:runtime-12.6\n");
      assert.match(
        await problem([definition("app"), base]),
        /app\/Dockerfile:1: FROM names base:runtime-12.6, but this stack's image has the tag base:runtime-12.8; write that, or docker.io\/library\/base:runtime-12.6/,
      );
      write("app/Dockerfile", "FROM docker.io/library/base:runtime-12.6\n");
      assert.deepEqual((await planAll([definition("app"), base]))[0]!.parents, []);
    });

    it("every problem in one message, a line each", async () => {
      write("a/Dockerfile", "FROM os:1\nCOPY missing.txt /\n");
      write("b/Dockerfile", "FROM os:1\nCOPY ignored.txt /\n");
      write("b/ignored.txt", "x");
      write("b/.dockerignore", "*.txt\n");
      const lines = (await problem([definition("a"), definition("b")])).split("\n");
      assert.deepEqual(lines, [
        'a/Dockerfile:2: "missing.txt" is not in the context; create it, or see whether .dockerignore leaves it out',
        'b/Dockerfile:2: "ignored.txt" is not in the context; create it, or see whether .dockerignore leaves it out',
      ]);
    });

    const table: [string, () => ImageDefinition[], RegExp][] = [
      [
        "a missing Dockerfile",
        () => [definition("app", { dockerfile: "Nofile" })],
        /^image "app": the Dockerfile app\/Nofile does not exist$/,
      ],
      [
        "a missing context",
        () => [
          definition("app", {
            context: join(project.folder, "no"),
            dockerfile: join(project.folder, "app/Dockerfile"),
          }),
        ],
        /^image "app": the context no does not exist$/,
      ],
      [
        "a named context that is a file",
        () => {
          write("app/Dockerfile", "FROM os\nCOPY --from=x a b\n");
          return [definition("app", { contexts: { x: join(project.folder, "app/run.sh") } })];
        },
        /^image "app": the context x, app\/run.sh is not a folder$/,
      ],
      [
        "two images of one tag",
        () => [definition("app"), definition("base", { tags: ["docker.io/library/app:1"] })],
        /the tag docker.io\/library\/app:1 belongs to two images, "app" and "base"/,
      ],
      [
        "two images of one name",
        () => [definition("app"), definition("app", { tags: ["x:1"] })],
        /two images are named "app"/,
      ],
      [
        "a tag that is none",
        () => [definition("app", { tags: ["App:1"] })],
        /image "app": "App:1" is not a tag/,
      ],
      [
        "a stage with the name of its image",
        () => {
          write("app/Dockerfile", "FROM nginx AS nginx\n");
          return [definition("app")];
        },
        /app\/Dockerfile:1: a stage has the name of the image nginx itself/,
      ],
    ];
    for (const [what, definitions, message] of table)
      it(what, async () => {
        if (what.startsWith("two images of one tag") || what.startsWith("two images of one name"))
          write("base/Dockerfile", "FROM os\n");
        assert.match(await problem(definitions()), message);
      });

    it("nothing is written but the memory of file hashes", async () => {
      await planApp();
      const written = existsSync(join(project.folder, "state"))
        ? readdirSync(join(project.folder, "state"))
        : [];
      assert.deepEqual(
        written.filter((name) => name !== "file-hashes"),
        [],
      );
      assert.deepEqual(
        readdirSync(project.folder).filter((name) => name !== "app" && name !== "state"),
        [],
      );
    });
  });
});
