import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  Project,
  smallBase,
  type CommandResult,
  type PlannedChange,
  type Summary,
} from "../integration/project.ts";

export const cacheName = "gpu-build-host-dev-registry-cache";

/**
 * The stack `dev` on a private engine, as on a workstation: its settings, the cache's upstream and port among them, are
 * the test's own. The engine comes from the sandbox of a `Project`, whose stack `sandbox` stays empty.
 */
export class DevStack {
  readonly project: Project;
  /** Port of the registry that stands for Docker Hub. */
  readonly upstreamPort: number;
  readonly dockerHost: string;
  /** Of every command of package.json, so that it works on this stack. */
  readonly arguments = ["--stack", "dev", "--built-toolchain"];
  private readonly env: Record<string, string>;

  private constructor(project: Project) {
    this.project = project;
    const facts = JSON.parse(project.read(".sandbox/facts.json")) as { dockerHost: string; upstream: string };
    this.dockerHost = facts.dockerHost;
    this.upstreamPort = Number(new URL(facts.upstream).port);
    const backend = join(project.root, "state");
    mkdirSync(backend);
    this.env = { PULUMI_BACKEND_URL: `file://${backend}`, PULUMI_CONFIG_PASSPHRASE: "" };
  }

  /** Starts the engine, and nothing else. */
  static async open(): Promise<DevStack> {
    const project = new Project();
    await project.variables();
    return new DevStack(project);
  }

  /** Writes the stack's settings; two small bases are always there. */
  configure(registryCache: Record<string, unknown>, further: Record<string, unknown> = {}): void {
    this.project.configure("dev", {
      engine: { host: this.dockerHost, network: "host" },
      registryCache: { upstream: `http://127.0.0.1:${this.upstreamPort}`, ...registryCache },
      cudaBase: { cuda: "12.6", image: smallBase },
      stateDir: join(this.project.root, "state"),
      ...further,
    });
  }

  /** Runs a command of package.json for the stack. */
  async run(command: string, ...args: string[]): Promise<CommandResult> {
    const program = join(this.project.root, "bootstrap", "run.mjs");
    return this.project.exec("node", [program, command, ...this.arguments, ...args], await this.variables());
  }

  /** As a person has them on a workstation: Docker's programs on PATH, the engine's address, Pulumi's state. */
  async variables(): Promise<Record<string, string>> {
    return { ...(await this.project.variables()), ...this.env };
  }

  /** Converges; fails where `npm start` does. */
  async start(): Promise<Summary> {
    const result = await this.run("start", "--json");
    if (result.exitCode !== 0) throw new Error(`npm start failed (${result.exitCode}):\n${result.output}`);
    return JSON.parse(result.stdout) as Summary;
  }

  /** Everything that `pulumi preview` would change. */
  preview(): Promise<PlannedChange[]> {
    return this.project.preview("dev", this.env);
  }

  /** Plain `docker` on the engine; fails where docker does. */
  docker(...args: string[]): Promise<string> {
    return this.project.docker(...args);
  }

  /** Plain `docker` with its exit code. */
  async tryDocker(...args: string[]): Promise<CommandResult> {
    return this.project.exec("docker", args, await this.variables());
  }

  remove(): Promise<void> {
    return this.project.remove();
  }
}
