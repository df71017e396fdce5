import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { purgeSandbox } from "../../sandbox/sandbox.ts";

const repository = join(import.meta.dirname, "..", "..");
/** What is copied of the repository: all that runs, and nothing that is built. */
const copied = ["bootstrap", "cli", "components", "lib", "provider", "sandbox", "index.ts", "package.json", "package-lock.json", "Pulumi.yaml", "tsconfig.json"];

/** The image that small test images stand on: the cache's own stand-in, which has a shell. */
export const smallBase = "registry:3.1.1";

export interface CommandResult {
  exitCode: number;
  /** stdout and stderr, as a person would see them. */
  output: string;
  stdout: string;
}

/** A copy of this project with small images, in a folder of its own, with a sandbox of its own. */
export class Project {
  readonly root = mkdtempSync(join(tmpdir(), "gbh-project-"));
  /** Added to the environment of every command. */
  readonly env: Record<string, string> = {};

  constructor(settings: Record<string, unknown> = {}) {
    for (const name of copied) cpSync(join(repository, name), join(this.root, name), { recursive: true });
    symlinkSync(join(repository, "node_modules"), join(this.root, "node_modules"));
    this.write("cuda-base/Dockerfile.runtime", smallRuntime);
    this.write("cuda-base/Dockerfile.devel", smallDevel);
    this.write("cuda-base/smoke-test/check.py", "test -f /base\n");
    this.configure("sandbox", { sandbox: true, cudaBase: { cuda: "12.6", image: smallBase }, ...settings });
  }

  /** Writes `Pulumi.<stack>.yaml`. The salt fits the empty passphrase. */
  configure(stack: string, settings: Record<string, unknown>): void {
    const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`gpu-build-host:${key}`, value]));
    this.write(`Pulumi.${stack}.yaml`, stringify({ config }));
  }

  /** Writes a file below the project's folder. */
  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }

  /** Runs a command of package.json, e.g. `run("start", "--json")`. */
  async run(...args: string[]): Promise<CommandResult> {
    return this.exec("node", [join(this.root, "bootstrap", "run.mjs"), ...args]);
  }

  /** Runs any program in the project's folder. */
  async exec(program: string, args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
    const result = await execa(program, args, { cwd: this.root, env: { CI: "true", ...this.env, ...env }, all: true, reject: false, stdin: "ignore" });
    return { exitCode: result.exitCode ?? -1, output: result.all, stdout: result.stdout };
  }

  /** Removes the project with its sandbox. */
  async remove(): Promise<void> {
    await purgeSandbox(join(this.root, ".sandbox"));
    rmSync(this.root, { recursive: true, force: true });
  }
}

const smallRuntime = `ARG CUDA_BASE
FROM \${CUDA_BASE}
RUN echo base > /base && printf '#!/bin/sh\\nexec sh "$@"\\n' > /bin/python3 && chmod 755 /bin/python3
ENTRYPOINT []
`;

const smallDevel = `ARG CUDA
FROM cuda-base:runtime-\${CUDA}
RUN echo compiler > /compiler
`;
