import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { stringify } from "yaml";
import { registryConfig } from "../../components/registry-cache-command.ts";
import type { CacheVolume } from "../../lib/cache-store/volume.ts";
import { CacheClient } from "../../lib/registry/cache-client.ts";
import { ensureRegistryBinary } from "../../sandbox/toolchain/registry-binary.ts";
import { freePorts } from "../integration/free-ports.ts";

interface RegistryOptions {
  /** Makes it a pull-through cache, with the configuration that a stack's has. */
  upstream?: string;
  ttl?: string;
  /** Gives it a disk of its own of this size. */
  diskBytes?: number;
}

/** A registry of the tests, the CNCF's own program as a plain process over a temporary folder. */
export class RegistryProcess {
  readonly folder: string;
  readonly port: number;
  readonly metricsPort: number;
  /** Its files, reached by this machine's shell instead of its container's. */
  readonly volume = this.volumeOf();
  /** What it wrote, each line with its time in front, as `docker logs --timestamps` gives it. */
  private readonly lines = { requests: [] as string[], messages: [] as string[] };
  private readonly upstream: string | undefined;
  private readonly ttl: string;
  private readonly diskBytes: number | undefined;
  private child: ChildProcess | undefined;

  private constructor(
    [port, metricsPort]: [number, number],
    { upstream, ttl = "0s", diskBytes }: RegistryOptions,
  ) {
    this.port = port;
    this.metricsPort = metricsPort;
    this.upstream = upstream;
    this.ttl = ttl;
    this.diskBytes = diskBytes;
    this.folder = mkdtempSync(join(tmpdir(), "gbh-registry-"));
  }

  static async start(options: RegistryOptions = {}): Promise<RegistryProcess> {
    const registry = new RegistryProcess((await freePorts(2)) as [number, number], options);
    mkdirSync(registry.root);
    if (options.diskBytes)
      await execa("mount", ["-t", "tmpfs", "-o", `size=${options.diskBytes}`, "tmpfs", registry.root]);
    await registry.start();
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Folder that is the cache's volume. */
  get root(): string {
    return join(this.folder, "volume");
  }

  private volumeOf(): CacheVolume {
    return {
      registry: "docker.io",
      name: "test-cache",
      run: async (script, { signal, onLine } = {}) => {
        const child = execa("sh", ["-c", script], {
          cwd: this.root,
          ...(signal && { cancelSignal: signal }),
        });
        for await (const line of child) onLine?.(line);
        return `${(await child).stdout}\n`;
      },
      log: (of, since) =>
        Promise.resolve(
          this.lines[of].filter((line) => Date.parse(/^\S+/.exec(line)![0]) >= since).join("\n"),
        ),
    };
  }

  client(idleMs = 10_000): CacheClient {
    return new CacheClient({ port: this.port }, idleMs);
  }

  async start(): Promise<void> {
    const helper = join(this.folder, "login");
    const answer = JSON.stringify({ ServerURL: this.upstream, Username: "", Secret: "" });
    writeFileSync(helper, `#!/bin/sh\ncat > /dev/null\necho '${answer}'\n`, { mode: 0o755 });
    writeFileSync(join(this.folder, "config.yml"), this.config(helper));
    const child = spawn(await ensureRegistryBinary(), ["serve", join(this.folder, "config.yml")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
    });
    this.child = child;
    const note = (lines: string[]) => (line: string) => lines.push(`${new Date().toISOString()} ${line}`);
    createInterface({ input: child.stdout }).on("line", note(this.lines.requests));
    createInterface({ input: child.stderr }).on("line", note(this.lines.messages));
    for (let tries = 0; !(await this.answers()); tries++) {
      if (tries > 200 || child.exitCode !== null)
        throw new Error(`the registry did not start: ${this.lines.messages.join("\n")}`);
      await sleep(25);
    }
  }

  /** Ends the process; what it stored stays. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    if (this.diskBytes) await execa("umount", ["--lazy", this.root]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private config(helper: string): string {
    if (!this.upstream)
      return stringify({
        version: 0.1,
        storage: { filesystem: { rootdirectory: this.root }, delete: { enabled: true } },
        http: { addr: `127.0.0.1:${this.port}` },
      });
    const text = registryConfig({
      upstream: this.upstream,
      bind: "127.0.0.1",
      port: this.port,
      metricsPort: this.metricsPort,
      ttl: this.ttl,
    });
    return text.replace("/var/lib/registry", this.root).replace("/run/registry/login", helper);
  }

  private async answers(): Promise<boolean> {
    return fetch(`${this.url}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    );
  }
}
