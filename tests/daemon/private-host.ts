import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engineInfo } from "../../lib/daemon/engine-info.ts";
import { startEngine, stopEngine, type Engine, type EngineOptions } from "../../sandbox/engine.ts";

/** A private engine with its daemon.json, and a folder for the ledger. */
export class PrivateHost {
  readonly folder: string;
  readonly engine: Engine;
  readonly ledgerDir: string;

  constructor(folder: string, engine: Engine) {
    this.folder = folder;
    this.engine = engine;
    this.ledgerDir = join(folder, "ledger");
  }

  /** @param engine another engine or image store than the usual ones, e.g. `{ release: "testing" }`. */
  static async start(
    flags: string[] = [],
    engine: Pick<EngineOptions, "release" | "imageStore"> = {},
  ): Promise<PrivateHost> {
    const folder = await mkdtemp(join(tmpdir(), "daemon-host-"));
    return new PrivateHost(folder, await startEngine({ root: join(folder, "engine"), flags, ...engine }));
  }

  async stop(): Promise<void> {
    await stopEngine(join(this.folder, "engine"));
    await rm(this.folder, { recursive: true, force: true });
  }

  get file(): string {
    return this.engine.layout.daemonConfig;
  }

  get text(): string | null {
    return existsSync(this.file) ? readFileSync(this.file, "utf8") : null;
  }

  set text(text: string | null) {
    if (text === null) rmSync(this.file, { force: true });
    else writeFileSync(this.file, text);
  }

  /** Process id of dockerd, also after a restart. */
  get pid(): number {
    return Number(readFileSync(this.engine.layout.pidFile, "utf8"));
  }

  async live(): Promise<string[]> {
    return (await engineInfo(this.engine.layout.socket)).mirrors;
  }

  /** What a person does after an edit. */
  async reload(expected: string[]): Promise<void> {
    process.kill(this.pid, "SIGHUP");
    for (let tries = 0; JSON.stringify(await this.live()) !== JSON.stringify(expected); tries++) {
      if (tries > 200) throw new Error(`dockerd uses ${await this.live()}, not ${expected}`);
      await sleep(20);
    }
  }

  /** A host that we have never touched: no ledger, no mirror in the daemon, this daemon.json. */
  async reset(text: string | null): Promise<void> {
    rmSync(this.ledgerDir, { recursive: true, force: true });
    this.text = '{"registry-mirrors":[]}';
    await this.reload([]);
    this.text = text;
  }
}
