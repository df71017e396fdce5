import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { planImages, type PlanOptions } from "../../lib/images/plan.ts";
import type { ImageDefinition, ImagePlan } from "../../lib/images/types.ts";

/** Digest that every external image has in these tests. */
export const digest = `sha256:${"1".repeat(64)}`;

/** A small project in a temporary folder, fresh for each test of the suite that calls this. */
export function usePlanProject() {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "gbh-plan-"));
    write("app/Dockerfile", "FROM os:1\nARG MODE\nCOPY src lib*.txt /app/\nCOPY run.sh /\n");
    write("app/.dockerignore", "# nothing built\n**/*.pyc\nsrc/tmp\n!src/tmp/keep\n");
    write("app/src/main.py", "main");
    write("app/src/main.pyc", "compiled");
    write("app/src/tmp/drop", "drop");
    write("app/src/tmp/keep", "keep");
    write("app/lib1.txt", "one");
    write("app/run.sh", "run");
    write("app/README.md", "read me");
    symlinkSync("main.py", join(folder, "app/src/link"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o644 });
  }

  function definition(name: string, further: Partial<ImageDefinition> = {}): ImageDefinition {
    const common = {
      dockerfile: "Dockerfile",
      args: {},
      contexts: {},
      secrets: {},
      rebuild: { count: 0, noCache: false },
    };
    return { ...common, name, context: join(folder, name), tags: [`${name}:1`], ...further };
  }

  const options = (further: Partial<PlanOptions> = {}): PlanOptions => ({
    stack: "dev",
    digests: { digestOf: async () => digest },
    stateDir: join(folder, "state"),
    ...further,
  });
  const planAll = (definitions: ImageDefinition[], further?: Partial<PlanOptions>) =>
    planImages(definitions, options(further));
  const planApp = async (further?: Partial<ImageDefinition>): Promise<ImagePlan> =>
    (await planAll([definition("app", further)]))[0]!;
  const problem = async (definitions: ImageDefinition[]): Promise<string> => {
    try {
      await planAll(definitions);
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
      return error.message.replaceAll(`${folder}/`, "");
    }
    throw new assert.AssertionError({ message: "nothing was refused" });
  };
  return {
    /** Absolute path of the project. */
    get folder() {
      return folder;
    },
    write,
    definition,
    planAll,
    planApp,
    problem,
  };
}
