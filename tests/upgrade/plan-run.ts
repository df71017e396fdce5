import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";

const repository = join(import.meta.dirname, "..", "..");
export const cudaImage = "nvidia/cuda:12.6.3-base-ubuntu22.04";
export const digests = { then: `sha256:${"a".repeat(64)}`, now: `sha256:${"b".repeat(64)}` };

/** How the stand-in for Docker Hub and a package index behaves. */
export type Behaviour = "good" | "moved" | "without sizes" | "no JSON" | "silent" | "away";

/** What a person has before `npm run plan`, where it is not good. */
export interface Situation {
  /** Files of the project, by path; null takes one away. */
  files?: Record<string, string | null>;
  /** Settings beside those of the stack `plan`. */
  settings?: Record<string, unknown>;
  /** Shell script that stands for `nvidia-smi`. @default none on PATH */
  nvidiaSmi?: string;
  /** @default "good" */
  registry?: Behaviour;
}

/** Runs `npm run plan` as a person does, in a folder with the real bases, a stand-in registry, and no engine. */
export async function runPlan(situation: Situation, args: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "gbh-plan-"));
  const registry = await standInRegistry(situation.registry ?? "good");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  try {
    cpSync(join(repository, "cuda-base"), join(root, "cuda-base"), { recursive: true });
    write("Pulumi.plan.yaml", stackFile(root, registry.url, situation.settings));
    for (const [path, text] of Object.entries(situation.files ?? {}))
      if (text === null) rmSync(join(root, path));
      else write(path, text);
    write("bin/nvidia-smi", `#!/bin/sh\n${situation.nvidiaSmi}\n`);
    chmodSync(join(root, "bin/nvidia-smi"), 0o755);
    const path = situation.nvidiaSmi === undefined ? [] : [join(root, "bin")];
    const run = join(repository, "bootstrap", "run.mjs");
    const { exitCode, all } = await execa("node", [run, "plan", "--stack", "plan", ...args], {
      cwd: root,
      env: {
        PATH: [...path, process.env["PATH"]].join(delimiter),
        UV_NO_CACHE: "1",
        UV_DEFAULT_INDEX: "http://127.0.0.1:1/simple",
      },
      all: true,
      reject: false,
      stdin: "ignore",
    });
    return { exitCode, output: all.replaceAll(registry.url, "http://registry") };
  } finally {
    registry.close();
    rmSync(root, { recursive: true });
  }
}

function stackFile(root: string, registry: string, settings: Record<string, unknown> = {}): string {
  const cudaBase = { cuda: "12.6", torch: "2.7.1", python: "3.10", image: cudaImage };
  const values: Record<string, unknown> = {
    engine: { host: `unix://${root}/no-engine.sock` },
    stateDir: join(root, "state"),
    registryCache: { upstream: registry },
    cudaBase: { ...cudaBase, cudaArchitectures: ["8.6", "8.9"] },
    ...settings,
  };
  const entries = Object.entries(values).map(([key, value]) => [`gpu-build-host:${key}`, value]);
  return stringify({ config: Object.fromEntries(entries) }).replaceAll("REGISTRY", registry);
}

/** Stands for a registry: it has a manifest for every image and no layer. For every other path it is a silent index. */
async function standInRegistry(behaviour: Behaviour): Promise<{ url: string; close: () => void }> {
  const server: Server = createServer((request, response) => {
    if (behaviour === "silent") return;
    if (!request.url?.startsWith("/v2/")) return;
    answer(behaviour, request.url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  if (behaviour === "away") close();
  return { url, close };
}

function answer(behaviour: Behaviour, path: string, response: ServerResponse): void {
  if (behaviour === "no JSON") return void response.end("<html>welcome to the hotel's network</html>");
  const digest = behaviour === "moved" ? digests.now : digests.then;
  response.setHeader("docker-content-digest", digest);
  const size = behaviour === "without sizes" ? {} : { size: 30_000_000 };
  response.end(
    JSON.stringify(
      path.includes("/manifests/")
        ? { config: { digest, ...size }, layers: [{ digest, ...size }] }
        : { rootfs: { diff_ids: [digest] } },
    ),
  );
}
