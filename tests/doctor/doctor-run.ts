import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "../../lib/doctor/types.ts";
import type { Project } from "../integration/project.ts";

/** A stand-in for ldd, which the small test image has not: two libraries are nowhere, of one the driver brings it. */
const ldd =
  "printf '\\\\tlibsndfile.so.1 => not found\\\\n\\\\tlibcuda.so.1 => not found\\\\n\\\\tlibown.so => not found\\\\n'";
/** A service whose Python package lacks a library. */
export const appDockerfile = `ARG CUDA
FROM cuda-base:runtime-\${CUDA}
RUN mkdir -p /usr/lib/python3/dist-packages/sound && touch /usr/lib/python3/dist-packages/sound/ext.so /usr/lib/libown.so
RUN printf '#!/bin/sh\\n%s\\n' "${ldd}" > /bin/ldd && chmod 755 /bin/ldd
`;

/** What `npm run doctor -- --json` said. */
export interface Looked {
  exitCode: number;
  checks: Check[];
  seconds: number;
}

/** Runs the doctor on a project; only JSON stands on its stdout. */
export async function lookAt(project: Project, ...args: string[]): Promise<Looked> {
  const started = Date.now();
  const result = await project.run("doctor", "--json", ...args);
  assert.ok(result.stdout.startsWith("{"), result.output);
  const { checks } = JSON.parse(result.stdout) as { checks: Check[] };
  return { exitCode: result.exitCode, checks, seconds: (Date.now() - started) / 1000 };
}

export function one({ checks }: Looked, id: string): Check {
  return checks.find((found) => found.id === id)!;
}

/** Ids of what is not as it should be, with its status. A disk that is merely filling up is the test machine's own affair. */
export function notGood({ checks }: Looked): string[] {
  return checks
    .filter(({ id, status }) => status === "FAIL" || (status === "WARN" && !id.startsWith("disk.")))
    .map(({ id, status }) => `${status} ${id}`);
}

/** Every file of a project with its time, apart from what a running engine and registry write all the time. */
export function filesBelow(root: string): string[] {
  const moving = /\/\.sandbox\/(docker|dockerd\.log|upstream)(\/|$)/;
  return (
    readdirSync(root, { recursive: true, withFileTypes: true }) as {
      name: string;
      parentPath: string;
      isFile(): boolean;
    }[]
  )
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => !moving.test(file) && !file.includes("/node_modules/"))
    .map((file) => `${file} ${statSync(file).mtimeMs}`)
    .sort();
}
