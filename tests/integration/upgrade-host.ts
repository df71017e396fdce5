import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stringify, parse } from "yaml";
import type { SandboxFacts } from "../../lib/settings/sandbox-facts.ts";
import { RealImages, root } from "../bases/real-images.ts";
import { startTestProxy, type TestProxy } from "../proxy/test-proxy.ts";
import { copied, type Summary } from "./project.ts";

/** What `npm run plan -- --json` says, as far as the test reads it. */
export interface Plan {
  verdict: string;
  reasons: { rule: string; verdict: string; text: string }[];
  images: { name: string; will: "build" | "reuse" | "retag" | "missing"; reasons: string[] }[];
  bill: { fetch: { bytes: number; unknown: string[] }; disk: { bytes: number | null } };
}

/** One upgrade: what was said before it, and what came. Bytes are decimal. */
export interface Upgrade {
  name: string;
  plan: Plan;
  /** Images by what was done with them. */
  built: string[];
  reused: string[];
  seconds: number;
  /** Bytes that came from index and archive. */
  fetched: number;
  /** Bytes that the engine holds on the disk more than before: layers and build cache. */
  stored: number;
}

/**
 * A second stack on the engine of this clone's sandbox, in a copy of the project: the same cache, the same build cache, names of its
 * own. All that its builds fetch passes a proxy that counts.
 */
export class UpgradeHost {
  readonly folder = mkdtempSync(join(tmpdir(), "gbh-upgrade-"));
  private readonly images: RealImages;
  private readonly facts: SandboxFacts;
  private readonly env: Record<string, string>;
  private readonly proxy: TestProxy;

  private constructor(
    images: RealImages,
    facts: SandboxFacts,
    env: Record<string, string>,
    proxy: TestProxy,
  ) {
    this.images = images;
    this.facts = facts;
    this.env = env;
    this.proxy = proxy;
    for (const name of [...copied, "cuda-base", "services"])
      cpSync(join(root, name), join(this.folder, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    mkdirSync(join(this.folder, "backend"));
  }

  static async open(): Promise<UpgradeHost> {
    const images = await RealImages.open();
    const { stdout } = await execa("npm", ["run", "--silent", "env", "--", "--json"], { cwd: root });
    const facts = JSON.parse(readFileSync(join(root, ".sandbox", "facts.json"), "utf8")) as SandboxFacts;
    return new UpgradeHost(
      images,
      facts,
      JSON.parse(stdout) as Record<string, string>,
      await startTestProxy({ outward: true }),
    );
  }

  /** Takes the stack's images, the copy and the proxy away; the sandbox's stack is as it was. */
  async close(): Promise<void> {
    if (existsSync(join(this.folder, "Pulumi.upgrade.yaml")))
      await this.npm("destroy", ["--stack", "upgrade", "--built-toolchain"]);
    await this.proxy.stop();
    rmSync(this.folder, { recursive: true, force: true });
    await this.images.close();
  }

  /** Sets the stack's base and services, e.g. `configure({ cuda: "12.8", torch: "2.8.0" }, ["whisperx"])`. */
  configure(base: { cuda: string; torch: string }, services: string[]): void {
    const proxy = `http://127.0.0.1:${this.proxy.port}`;
    const { config, encryptionsalt } = parse(readFileSync(join(root, "Pulumi.sandbox.yaml"), "utf8")) as {
      config: Record<string, Record<string, Record<string, unknown>>>;
      encryptionsalt: string;
    };
    const all = config["gpu-build-host:services"]!;
    const settings = {
      engine: { host: this.facts.dockerHost, network: "host" },
      registryCache: { mode: "external", port: this.facts.ports.cache, upstream: this.facts.upstream },
      proxy: { http: proxy, https: proxy },
      stateDir: join(root, ".sandbox", "state"), // stacks of one engine share what is known of it
      variant: "upgrade",
      cudaBase: { ...config["gpu-build-host:cudaBase"], ...base },
      services: Object.fromEntries(services.map((name) => [name, all[name]])),
    };
    this.write(
      "Pulumi.upgrade.yaml",
      stringify({
        config: Object.fromEntries(
          Object.entries(settings).map(([key, value]) => [`gpu-build-host:${key}`, value]),
        ),
        encryptionsalt,
      }),
    );
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), "utf8");
  }

  /** Writes a file of the copy, e.g. a lock. */
  write(path: string, text: string): void {
    writeFileSync(join(this.folder, path), text);
  }

  /** What the stack would do now, as a person asks for it. */
  async plan(): Promise<Plan> {
    return JSON.parse(await this.npm("plan", ["--stack", "upgrade", "--json"], [0, 2])) as Plan;
  }

  /** Plans, converges, and measures what was fetched and stored. */
  async upgrade(name: string): Promise<Upgrade> {
    const plan = await this.plan();
    const before = { fetched: this.fetched(), stored: await this.stored(), time: Date.now() };
    const summary = JSON.parse(
      await this.npm("start", ["--stack", "upgrade", "--json", "--built-toolchain"]),
    ) as Summary;
    const seconds = (Date.now() - before.time) / 1000;
    const by = (result: string) =>
      summary.images
        .filter((image) => image.result === result)
        .map((image) => image.name)
        .sort();
    return {
      name,
      plan,
      built: by("built"),
      reused: by("reused"),
      seconds,
      fetched: this.fetched() - before.fetched,
      stored: (await this.stored()) - before.stored,
    };
  }

  /** Runs docker on the engine. */
  docker(...args: string[]): Promise<string> {
    return this.images.docker(args);
  }

  /** Friendly names on the engine with the image that each means, e.g. to see that none of the sandbox's has moved. */
  async tags(): Promise<Record<string, string>> {
    const lines = await this.docker(
      "image",
      "ls",
      "--no-trunc",
      "--format",
      "{{.Repository}}:{{.Tag}} {{.ID}}",
    );
    return Object.fromEntries(
      lines
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ") as [string, string]),
    );
  }

  private fetched(): number {
    return Object.values(this.proxy.received).reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Bytes of the engine's folder. The engine's own figures do not do: BuildKit measures a cache mount once and keeps to that
   * (seen on 26.1: 5.4 GB said, 15.7 GB on the disk).
   */
  private async stored(): Promise<number> {
    const { stdout } = await execa(
      "du",
      ["--summarize", "--one-file-system", "--block-size=1", join(this.facts.root, "docker")],
      { reject: false }, // files that go away while it counts
    );
    return Number.parseInt(stdout, 10);
  }

  /** Runs a command of package.json in the copy; returns its stdout. Another exit code than those fails, with all that it said. */
  private async npm(command: string, args: string[], exitCodes = [0]): Promise<string> {
    const result = await execa("node", [join(this.folder, "bootstrap", "run.mjs"), command, ...args], {
      cwd: this.folder,
      env: {
        CI: "true",
        ...this.env,
        PULUMI_BACKEND_URL: `file://${join(this.folder, "backend")}`,
        PULUMI_CONFIG_PASSPHRASE: "",
      },
      all: true,
      reject: false,
      stdin: "ignore",
    });
    if (!exitCodes.includes(result.exitCode ?? -1))
      throw new Error(`npm run ${command} failed (${result.exitCode}):\n${result.all}`);
    return result.stdout;
  }
}
