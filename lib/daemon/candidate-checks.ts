import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { UserError } from "../errors.ts";
import { documentOf, readList } from "./daemon-json.ts";
import { BUILT_IN_RUNTIMES } from "./daemon-keys.ts";
import type { ManagedDaemon } from "./identify.ts";
import { nodeAt } from "./json-edit.ts";
import type { OwnedEntry } from "./merge.ts";
import { mirrorProblem } from "./mirror-url.ts";
import { pathOf } from "./pointer.ts";
import { insecureRegistryProblem } from "./registry-address.ts";

/** A text for daemon.json, and what is at stake. */
export interface Candidate {
  text: string;
  /** What of it is this stack's. */
  entries: OwnedEntry[];
  /** dockerd will start with it: then what others put there counts too. */
  restarts: boolean;
}

/**
 * Checks what `dockerd --validate` lets pass and what then keeps dockerd from starting, or every container from running.
 * @throws UserError that names the entry.
 */
export async function checkCandidate(daemon: ManagedDaemon, candidate: Candidate): Promise<void> {
  const { file } = daemon;
  const document = documentOf(candidate.text);
  for (const [index, mirror] of (readList(document, "registry-mirrors") ?? []).entries()) {
    const problem = mirrorProblem(mirror);
    // From 25.0 dockerd takes a path; what somebody else put there and dockerd takes is theirs.
    if (problem && !problem.includes("has a path"))
      throw new UserError(`${file}: registry-mirrors[${index}]: ${problem}`);
  }
  if (candidate.restarts) {
    for (const [index, entry] of (readList(document, "insecure-registries") ?? []).entries()) {
      const problem = insecureRegistryProblem(entry);
      if (problem) throw new UserError(`${file}: insecure-registries[${index}]: ${problem}`);
    }
  }
  await checkRuntimes(daemon, candidate);
}

async function checkRuntimes(daemon: ManagedDaemon, candidate: Candidate): Promise<void> {
  const { file } = daemon;
  const { root } = documentOf(candidate.text);
  const defined = new Map<string, string>();
  for (const property of nodeAt(root, "/runtimes")?.children ?? []) {
    const [name, value] = property.children ?? [];
    const path = value && nodeAt(value, "/path")?.value;
    defined.set(String(name?.value), typeof path === "string" ? path : "");
  }
  const standard = nodeAt(root, "/default-runtime")?.value as unknown;
  const ours = candidate.entries.map(({ pointer }) => pathOf(pointer));
  const ourRuntimes = ours.flatMap(([key, name]) => (key === "runtimes" && name !== undefined ? [name] : []));
  const oursIsDefault = ours.some(([key]) => key === "default-runtime");
  const asks = candidate.restarts || oursIsDefault || ourRuntimes.length > 0;
  if (!asks) return;
  if (typeof standard === "string" && !defined.has(standard) && !isBuiltIn(standard)) {
    throw new UserError(
      `${file}: default-runtime ${JSON.stringify(standard)} is not defined in runtimes on this host: define it (dockerDaemon.nvidiaRuntime: true for "nvidia"), or take it out`,
    );
  }
  const names = candidate.restarts ? [...defined.keys()] : [...ourRuntimes, standard].map(String);
  for (const name of new Set(names)) {
    const path = defined.get(name);
    if (!path || (await isProgram(daemon, path))) continue;
    const isOurs = ourRuntimes.includes(name);
    throw new UserError(
      `${file}: the runtime "${name}" is ${JSON.stringify(path)}, which ${isAbsolute(path) ? "is no program" : "is not on the PATH of dockerd"}: ${fix(name, isOurs)}`,
    );
  }
}

function fix(name: string, isOurs: boolean): string {
  if (name === "nvidia")
    return `install the NVIDIA Container Toolkit (the package nvidia-container-toolkit)${isOurs ? ", or set dockerDaemon.nvidiaRuntime: false" : ", or take the entry out: every container of it would fail"}`;
  return isOurs
    ? "install it, or correct the path"
    : "install it, or take the entry out before Docker restarts";
}

function isBuiltIn(name: string): boolean {
  return BUILT_IN_RUNTIMES.includes(name) || name.startsWith("io.containerd.");
}

/** Whether dockerd can run a program: it looks in its own PATH, below its own root. */
async function isProgram(daemon: ManagedDaemon, path: string): Promise<boolean> {
  const proc = `/proc/${daemon.process.pid}`;
  const environment = await readFile(`${proc}/environ`, "utf8");
  const search = /(?:^|\0)PATH=([^\0]*)/.exec(environment)?.[1] ?? "/usr/sbin:/usr/bin:/sbin:/bin";
  const places = isAbsolute(path) ? [path] : search.split(":").map((folder) => join(folder, path));
  for (const place of places) {
    if (
      await access(join(proc, "root", place), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}
