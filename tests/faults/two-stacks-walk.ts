import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stopEngine } from "../../sandbox/engine.ts";
import { commandOf } from "../../sandbox/processes.ts";
import { freePorts } from "../integration/free-ports.ts";
import { engineContent } from "../integration/machine.ts";
import { Project, smallBase } from "../integration/project.ts";
import { BackgroundRun } from "./background-run.ts";
import type { Random } from "./random.ts";
import { mirrorsOf, without, type Document } from "./daemon-document.ts";
import { WatchedJson } from "./watched-file.ts";

export const stacks = ["a", "b"] as const;
type Stack = (typeof stacks)[number];

/** Keys that somebody else may have in daemon.json, with values that dockerd takes. */
const foreignKeys: Record<string, unknown[]> = {
  "max-concurrent-downloads": [2, 5, 7],
  "max-concurrent-uploads": [1, 4],
  labels: [["room=1"], ["room=2", "rack=7"], []],
  "log-level": ["info", "warn"],
  "default-shm-size": ["64M", "128M"],
};
const foreignMirrors = ["http://127.0.0.1:9", "https://mirror.example.test"];

/** What is true of one stack, as far as the walk knows. */
interface Model {
  /** `unsure`: a run of it was killed, so it may be anything in between until its next run. */
  is: "up" | "down" | "unsure";
  version: number;
}

/** Two stacks on one private engine, what somebody else has in its daemon.json, and what must be true of them. */
export class Walk {
  readonly project: Project;
  readonly watched: WatchedJson;
  /** What the engine held before. */
  content: string[] = [];
  private readonly random: Random;
  private readonly ports: number[];
  private readonly models: Record<Stack, Model> = {
    a: { is: "down", version: 0 },
    b: { is: "down", version: 0 },
  };
  /** daemon.json as it must be, but for what is ours. */
  private foreign: Document;
  /** Milliseconds that an up took last. */
  private usual = 8_000;

  private constructor(project: Project, random: Random, ports: number[]) {
    this.project = project;
    this.random = random;
    this.ports = ports;
    this.foreign = this.document();
    this.watched = new WatchedJson(
      this.file,
      (content) => this.showsForeign(content as Document).length === 0,
    );
  }

  static async begin(random: Random): Promise<Walk> {
    const project = new Project();
    const env = await project.variables(); // starts the engine; the stack "sandbox" itself stays empty
    const { dockerHost, upstream } = JSON.parse(project.read(".sandbox/facts.json")) as Record<
      string,
      string
    >;
    const ports = await freePorts(2);
    mkdirSync(join(project.root, "pulumi"));
    for (const stack of stacks) {
      project.write(`${stack}/Dockerfile`, "FROM cuda-base:runtime-12.6\nCOPY version /version\n");
      project.write(`${stack}/version`, "0\n");
      project.configure(stack, {
        engine: { host: dockerHost, network: "host" },
        registryCache: { port: ports[stacks.indexOf(stack)], upstream },
        cudaBase: { cuda: "12.6", image: smallBase },
        services: { [`app-${stack}`]: { context: stack } },
        stateDir: join(project.root, "state"),
        variant: stack,
      });
    }
    Object.assign(project.env, {
      // The tool chain in the first folder is found anew.
      PATH: env["PATH"]!.split(":").slice(1).join(":"),
      DOCKER_CONFIG: env["DOCKER_CONFIG"]!,
      PULUMI_BACKEND_URL: `file://${join(project.root, "pulumi")}`,
      PULUMI_CONFIG_PASSPHRASE: "",
    });
    const walk = new Walk(project, random, ports);
    walk.content = await engineContent(project);
    return walk;
  }

  async end(): Promise<void> {
    this.watched.end();
    await this.project.remove();
  }

  async up(stack: Stack): Promise<void> {
    this.nextVersion(stack);
    const started = Date.now();
    await this.run(stack, "start");
    this.usual = Date.now() - started;
    this.models[stack].is = "up";
  }

  async destroy(stack: Stack): Promise<void> {
    await this.run(stack, "destroy");
    this.models[stack].is = "down";
  }

  /** One goes up while the other goes, or both go up. */
  async both(): Promise<void> {
    await Promise.all([this.up("a"), this.random.next() < 0.5 ? this.up("b") : this.destroy("b")]);
  }

  async killUp(stack: Stack): Promise<void> {
    this.nextVersion(stack);
    const run = new BackgroundRun(this.project, "start", this.flags(stack));
    await Promise.race([sleep(this.random.next() * this.usual), run.ended]);
    await run.kill();
    this.models[stack].is = "unsure";
  }

  async editKey(): Promise<void> {
    const key = this.random.pick(Object.keys(foreignKeys));
    const value = this.random.pick([...foreignKeys[key]!, undefined]);
    this.edit((document) => (value === undefined ? without(document, key) : { ...document, [key]: value }));
  }

  /** Adds or removes somebody's own mirror, or removes one of ours. */
  async editMirrors(): Promise<void> {
    const ours = this.ports.map((port) => `http://127.0.0.1:${port}`);
    const one = this.random.pick([...foreignMirrors, ...ours]);
    this.edit((document) => {
      const mirrors = mirrorsOf(document);
      const next = mirrors.includes(one)
        ? mirrors.filter((mirror) => mirror !== one)
        : foreignMirrors.includes(one)
          ? [...mirrors, one]
          : mirrors;
      return { ...document, "registry-mirrors": next };
    });
  }

  async restartEngine(killed: boolean): Promise<void> {
    const sandbox = join(this.project.root, ".sandbox");
    if (killed) process.kill(this.enginePid(), "SIGKILL");
    else await stopEngine(sandbox);
    const { exitCode, output } = await this.project.run("env");
    assert.equal(exitCode, 0, output);
  }

  /** What must be true after every step. */
  async check(): Promise<void> {
    assert.deepEqual(this.watched.faults, [], "daemon.json was not whole, or a foreign key was gone");
    assert.deepEqual(this.showsForeign(this.document()), []);
    await this.project.docker("info"); // the engine is up
    const content = await engineContent(this.project);
    for (const stack of stacks) this.checkStack(stack, content.filter(belongsTo(stack)));
    // A killed smoke test leaves a container without the stack's name, until the stack's next run.
    if (stacks.some((stack) => this.models[stack].is === "unsure")) return;
    assert.deepEqual(
      withoutCacheImage(content).filter((item) => !stacks.some((stack) => belongsTo(stack)(item))),
      withoutCacheImage(this.content),
      "things that no stack owns",
    );
  }

  private checkStack(stack: Stack, things: string[]): void {
    const { is } = this.models[stack];
    const mirror = `http://127.0.0.1:${this.ports[stacks.indexOf(stack)]}`;
    if (is === "unsure") return;
    const cache = `gpu-build-host-${stack}-registry-cache`;
    const named = things.filter((item) => !item.includes("localhost:1/"));
    if (is === "down") {
      assert.deepEqual(things, [], `the stack ${stack} is down`);
      assert.ok(!mirrorsOf(this.document()).includes(mirror));
    } else {
      const images = [
        `app-${stack}:cu126-${stack}`,
        `cuda-base:devel-12.6-${stack}`,
        `cuda-base:runtime-12.6-${stack}`,
      ];
      assert.deepEqual(named, [
        `container ${cache}`,
        ...images.map((image) => `image ${image}`),
        `volume ${cache}`,
      ]);
    }
  }

  private async run(stack: Stack, command: "start" | "destroy"): Promise<void> {
    const { exitCode, output } = await this.project.run(command, ...this.flags(stack));
    assert.equal(exitCode, 0, output);
  }

  private flags(stack: Stack): string[] {
    return ["--stack", stack, "--built-toolchain"];
  }

  private nextVersion(stack: Stack): void {
    this.models[stack].version += 1;
    this.project.write(`${stack}/version`, `${this.models[stack].version}\n`);
  }

  /** An edit by hand, as an editor does it that writes in place. */
  private edit(change: (document: Document) => Document): void {
    const next = change(this.document());
    this.foreign = this.withoutOurs(next);
    writeFileSync(this.file, `${JSON.stringify(next, undefined, this.random.pick([0, 2, 4]))}\n`);
  }

  private get file(): string {
    return join(this.project.root, ".sandbox", "daemon.json");
  }

  private document(): Document {
    return JSON.parse(readFileSync(this.file, "utf8")) as Document;
  }

  /** What of the foreign keys a document lacks. */
  private showsForeign(document: Document): string[] {
    const expected = this.foreign;
    const found = this.withoutOurs(document);
    return [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter(
      (key) => JSON.stringify(expected[key]) !== JSON.stringify(found[key]),
    );
  }

  /** A list without any element says the same as no list: dockerd is made to forget with it. */
  private withoutOurs(document: Document): Document {
    const ours = this.ports.map((port) => `http://127.0.0.1:${port}`);
    const mirrors = mirrorsOf(document).filter((mirror) => !ours.includes(mirror));
    return {
      ...without(document, "registry-mirrors"),
      ...(mirrors.length > 0 && { "registry-mirrors": mirrors }),
    };
  }

  private enginePid(): number {
    const { dockerHost } = JSON.parse(this.project.read(".sandbox/facts.json")) as { dockerHost: string };
    const file = dockerHost.replace("unix://", "").replace(/\.sock$/, ".pid");
    assert.ok(existsSync(file), file);
    const pid = Number(readFileSync(file, "utf8"));
    assert.match(commandOf(pid).join(" "), /dockerd .*--pidfile/);
    return pid;
  }
}

/** Whether a line of the engine's content is a stack's. */
function belongsTo(stack: Stack): (item: string) => boolean {
  return (item) =>
    item.includes(`localhost:1/${stack}/`) ||
    item.includes(`gpu-build-host-${stack}-`) ||
    new RegExp(`^image (cuda-base|app-${stack}):.*-${stack}$`).test(item);
}

/** Killed between the pull of the cache's image and its entry in the state, a run leaves that image on the engine. */
export function withoutCacheImage(content: string[]): string[] {
  return content.filter((item) => item !== "image registry:<none>");
}
