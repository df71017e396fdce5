import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { lockName } from "../../lib/images/definitions.ts";
import { parseSettings, type Settings } from "../../lib/settings/settings.ts";

const repository = join(import.meta.dirname, "..", "..");

/** Values of the settings that edits choose among. */
export const choices = {
  cuda: ["12.8", "12.6"],
  torch: ["2.7.1", "2.8.0"],
  python: ["3.10", "3.11"],
  image: ["nvidia/cuda:12.8.1-base-ubuntu22.04", "nvidia/cuda:12.6.3-base-ubuntu22.04"],
};

/** What a stack's file would say. */
export interface Values {
  cudaBase: {
    cuda: string;
    torch: string;
    python: string;
    image: string;
    cudaArchitectures?: string[];
    packageIndex?: string;
    packageIndexSecret?: { env: string };
  };
  services: Record<string, ServiceValues>;
  rebuilds: Record<string, { count: number; noCache: boolean }>;
  [key: string]: unknown;
}

export interface ServiceValues {
  context: string;
  args?: Record<string, string | number>;
  tags?: string[];
  secrets?: Record<string, { env: string }>;
  smokeTest?: { command: string[]; folder: string };
  [key: string]: unknown;
}

/** Names of all locks that the choices can ask for. */
function lockNames(): string[] {
  const { cuda, torch, python } = choices;
  return cuda.flatMap((cuda) =>
    torch.flatMap((torch) =>
      python.map((python) => lockName({ cuda, torch, python } as Settings["cudaBase"])),
    ),
  );
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o644 });
}

/** Copies the project's own Dockerfiles with all that they take in, and writes short locks for every choice. */
export function writeRealGraph(root: string): void {
  for (const folder of ["cuda-base", "services"])
    cpSync(join(repository, folder), join(root, folder), { recursive: true });
  for (const folder of ["cuda-base/locks", "services/whisperx/locks", "services/infinitetalk/locks"])
    rmSync(join(root, folder), { recursive: true });
  for (const name of lockNames()) {
    for (const part of ["nvidia", "torch", "python"])
      write(join(root, "cuda-base/locks", name, `${part}.lock`), `${part}==1+${name}\n`);
    write(
      join(root, `services/whisperx/locks/${name}.lock`),
      `whisperx==3.4.3 \\\n    --hash=sha256:${name}\nnumpy==2.0.2\n`,
    );
    write(join(root, `services/infinitetalk/locks/${name}.lock`), `xformers==1+${name}\nnumpy==2.0.2\n`);
    write(join(root, `services/infinitetalk/locks/flash-attn/wheel-${name}.lock`), `flash-attn==1+${name}\n`);
  }
  for (const part of ["build", "source"])
    write(join(root, `services/infinitetalk/locks/flash-attn/${part}.lock`), `${part}==1\n`);
  write(join(root, "services/captions/Dockerfile"), captions);
  write(join(root, "services/captions/main.py"), "print()\n");
}

/** A service of a user's on the shared base of services: the third storey of the graph. */
const captions = `FROM ai-api-base:latest
ARG MODEL=small
COPY main.py /app/main.py
RUN echo "\${MODEL}" > /model
`;

/** The services that edits add and remove again. */
export const services: Record<string, ServiceValues> = {
  whisperx: {
    context: "services/whisperx",
    smokeTest: { command: ["python3", "/smoke-test/check.py"], folder: "services/whisperx/smoke-test" },
  },
  infinitetalk: { context: "services/infinitetalk", args: { SOURCE: "stand-in", FLASH_ATTN: "none" } },
  "ai-api-base": { context: "services/ai-api-base", tags: ["ai-api-base:latest"] },
  captions: { context: "services/captions" },
};

/** The settings with which the graph begins. */
export function firstValues(): Values {
  return {
    cudaBase: {
      cuda: choices.cuda[0]!,
      torch: choices.torch[0]!,
      python: choices.python[0]!,
      image: choices.image[0]!,
    },
    services: structuredClone(services),
    rebuilds: {},
  };
}

/** Writes the lock file of external images. */
export function writeImageLock(root: string, digests: Record<string, string>): void {
  const images = { ...digests, "registry:3.1.1": `sha256:${"0".repeat(64)}` };
  write(join(root, "images.lock.yaml"), stringify({ images }));
}

/** The checked settings, as a run has them. */
export function settingsOf(
  root: string,
  values: Values,
  where: { stateDir: string; dockerHost: string; cachePort: number },
): Settings {
  return parseSettings({
    stack: "exact",
    root,
    stateDir: where.stateDir,
    file: "Pulumi.exact.yaml",
    values: {
      ...values,
      engine: { host: where.dockerHost, network: "host" },
      registryCache: { port: where.cachePort },
    },
    readSandboxFacts: () => {
      throw new Error("not the sandbox");
    },
  });
}
