import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureRegistryBinary } from "../../sandbox/toolchain/registry-binary.ts";

/** A real registry that takes pushes, on 127.0.0.1. */
export interface WritableRegistry {
  /** e.g. `"127.0.0.1:34567"` */
  address: string;
  /** Tags of a repository. */
  tags(repository: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts distribution over an empty folder. */
export async function startWritableRegistry(): Promise<WritableRegistry> {
  const program = await ensureRegistryBinary();
  const folder = mkdtempSync(join(tmpdir(), "gbh-writable-registry-"));
  const port = await freePort();
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config)); // JSON is YAML too
  const env = { ...process.env, OTEL_TRACES_EXPORTER: "none" };
  const server = spawn(program, ["serve", join(folder, "config.yml")], { stdio: "ignore", env });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; !(await fetch(`${url}/v2/`).catch(() => undefined))?.ok; tries++) {
    if (tries > 200) throw new Error(`the registry does not answer at ${url}`);
    await sleep(50);
  }
  return {
    address: `127.0.0.1:${port}`,
    tags: async (repository) => {
      const answer = await fetch(`${url}/v2/${repository}/tags/list`);
      return ((await answer.json()) as { tags?: string[] }).tags?.sort() ?? [];
    },
    stop: async () => {
      server.kill();
      await once(server, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
