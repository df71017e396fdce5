import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Project } from "../../tests/integration/project.ts";
import type { Command } from "./timed.ts";

/**
 * A Pulumi program without any resource, or with components of one command each that does nothing, with a state of its own:
 * what Pulumi itself takes.
 */
export class EmptyProgram {
  private readonly root = mkdtempSync(join(tmpdir(), "gbh-empty-"));
  private readonly env: Record<string, string>;

  private constructor(variables: Record<string, string>) {
    this.env = {
      ...variables,
      PULUMI_BACKEND_URL: `file://${join(this.root, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "",
    };
  }

  /** Makes its stack with the project's own Pulumi and packages. */
  static async make(project: Project, components = 0): Promise<EmptyProgram> {
    const program = new EmptyProgram(await project.variables());
    const { root } = program;
    mkdirSync(join(root, "state"));
    symlinkSync(join(project.root, "node_modules"), join(root, "node_modules"));
    const settings = "runtime: {name: nodejs, options: {typescript: false}}\noptions: {refresh: always}\n";
    writeFileSync(join(root, "Pulumi.yaml"), `name: empty\nmain: index.js\n${settings}`);
    writeFileSync(join(root, "package.json"), '{"name": "empty"}\n');
    writeFileSync(join(root, "index.js"), programWith(components));
    const { exitCode, output } = await project.exec("sh", ["-c", `cd ${root} && pulumi stack init empty`], {
      ...program.env,
    });
    if (exitCode !== 0) throw new Error(output);
    return program;
  }

  /** One of Pulumi's commands on it, e.g. `command("preview")`. */
  command(...args: string[]): Command {
    const { root, env } = this;
    return { args: ["pulumi", ...args, "--stack", "empty", "--non-interactive"], cwd: root, env };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

function programWith(components: number): string {
  if (components === 0) return 'require("@pulumi/pulumi");\n';
  return `const { ComponentResource } = require("@pulumi/pulumi");
const { local } = require("@pulumi/command");
for (let number = 1; number <= ${components}; number += 1) {
  const parent = new ComponentResource("empty:index:Component", "c" + number);
  new local.Command("c" + number, { create: "true" }, { parent });
}
`;
}
