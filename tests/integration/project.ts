import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import type { EngineRelease } from "../../sandbox/engine-release.ts";
import { purgeSandbox } from "../../sandbox/sandbox.ts";

const repository = join(import.meta.dirname, "..", "..");
/** What is copied of the repository: all that runs, and nothing that is built. */
export const copied = [
  "bench",
  "bootstrap",
  "cli",
  "components",
  "lib",
  "package-cache",
  "provider",
  "sandbox",
  "index.ts",
  "package.json",
  "package-lock.json",
  "Pulumi.yaml",
  "tsconfig.json",
];

/** The image that small test images stand on: the cache's own stand-in, which has a shell. */
export const smallBase = "registry:3.1.1";

export interface CommandResult {
  exitCode: number;
  /** stdout and stderr, as a person would see them. */
  output: string;
  stdout: string;
}

/** What `npm start -- --json` prints, as far as tests read it. */
export interface Summary {
  changed: { op: string; type: string; name: string }[];
  images: {
    name: string;
    tags: string[];
    reference: string;
    size: number;
    result: string;
    reasons: string[];
  }[];
}

/** The engine of a project's sandbox. */
export interface ProjectEngine {
  release?: EngineRelease;
  imageStore?: "overlay2" | "containerd";
}

/** A resource that `pulumi preview` would change. */
export interface PlannedChange {
  op: string;
  name: string;
}

/** A copy of this project with small images, in a folder of its own, with a sandbox of its own. */
export class Project {
  readonly root = mkdtempSync(join(tmpdir(), "gbh-project-"));
  /** Added to the environment of every command. */
  readonly env: Record<string, string> = {};
  private stackEnv: Record<string, string> | undefined;

  /** @param engine another engine or image store than the usual ones of a sandbox. */
  constructor(settings: Record<string, unknown> = {}, engine: ProjectEngine = {}) {
    if (engine.release) this.env["GBH_ENGINE"] = engine.release;
    if (engine.imageStore) this.env["GBH_STORE"] = engine.imageStore;
    // With all times, so that the bundle counts as fresh: making it takes 1.5 s.
    const bundled = [...copied, "dist"].map((name) => join(repository, name));
    execFileSync("cp", ["--archive", ...bundled, this.root]);
    symlinkSync(join(repository, "node_modules"), join(this.root, "node_modules"));
    this.write("cuda-base/Dockerfile.runtime", smallRuntime);
    this.write("cuda-base/Dockerfile.devel", smallDevel);
    this.write("cuda-base/smoke-test/check.py", "test -f /base\n");
    this.configure("sandbox", {
      sandbox: true,
      cudaBase: { cuda: "12.6", image: smallBase },
      ...settings,
    });
  }

  /** Writes `Pulumi.<stack>.yaml`, with the salt of the committed ones: without it `stack init` adds one to the file. */
  configure(stack: string, settings: Record<string, unknown>): void {
    const entries = Object.entries(settings).map(([key, value]) => [`gpu-build-host:${key}`, value]);
    const { encryptionsalt } = parse(readFileSync(join(repository, "Pulumi.dev.yaml"), "utf8")) as Record<
      string,
      unknown
    >;
    this.write(`Pulumi.${stack}.yaml`, stringify({ config: Object.fromEntries(entries), encryptionsalt }));
  }

  /** Writes a file below the project's folder. */
  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  }

  /** Reads a file below the project's folder. */
  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  /** Works while a file reads otherwise, and puts back what stood in it. */
  async withFile(path: string, edit: (text: string) => string, work: () => Promise<void>): Promise<void> {
    const text = this.read(path);
    const edited = edit(text);
    if (edited === text) throw new Error(`Nothing to edit in ${path}:\n${text}`);
    this.write(path, edited);
    try {
      await work();
    } finally {
      this.write(path, text);
    }
  }

  /** Runs a command of package.json, e.g. `run("start", "--json")`. */
  async run(...args: string[]): Promise<CommandResult> {
    return this.exec("node", [join(this.root, "bootstrap", "run.mjs"), ...args]);
  }

  /** Runs any program in the project's folder. */
  async exec(program: string, args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
    const result = await execa(program, args, {
      cwd: this.root,
      env: { CI: "true", ...this.env, ...env },
      all: true,
      reject: false,
      stdin: "ignore",
    });
    const { exitCode = -1, all, stdout } = result;
    return { exitCode, output: all || result.message || "", stdout };
  }

  /** Converges the stack `sandbox`; fails where `npm start` does. */
  async start(): Promise<Summary> {
    const result = await this.run("start", "--json");
    if (result.exitCode !== 0) throw new Error(`npm start failed (${result.exitCode}):\n${result.output}`);
    return JSON.parse(result.stdout) as Summary;
  }

  /** The variables that `npm run -s env` prints for the stack `sandbox`; it starts the private engine. */
  async variables(): Promise<Record<string, string>> {
    if (!this.stackEnv) {
      const result = await this.run("env", "--json");
      if (result.exitCode !== 0) throw new Error(`npm run env failed:\n${result.output}`);
      this.stackEnv = JSON.parse(result.stdout) as Record<string, string>;
    }
    return this.stackEnv;
  }

  /** Runs plain Pulumi as a person does after `eval "$(npm run -s env)"`. */
  async pulumi(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return this.exec("pulumi", [...args, "--non-interactive"], { ...(await this.variables()), ...env });
  }

  /** Runs plain `docker` on the sandbox's engine; fails where docker does. */
  async docker(...args: string[]): Promise<string> {
    const result = await this.exec("docker", args, await this.variables());
    if (result.exitCode !== 0) throw new Error(`docker ${args.join(" ")}:\n${result.output}`);
    return result.stdout.trim();
  }

  /** Everything that `pulumi preview` would change. */
  async preview(stack = "sandbox", env: Record<string, string> = {}): Promise<PlannedChange[]> {
    const result = await this.pulumi(["preview", "--stack", stack, "--json"], env);
    if (result.exitCode !== 0) throw new Error(`pulumi preview failed:\n${result.output}`);
    const { steps } = JSON.parse(result.stdout) as { steps: { op: string; urn: string }[] };
    return steps
      .filter(({ op }) => !["same", "refresh", "read"].includes(op))
      .map(({ op, urn }) => ({ op, name: urn.split("::").at(-1) ?? urn }));
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
