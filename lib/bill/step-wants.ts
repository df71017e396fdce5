import { join } from "node:path";
import { mountFields } from "../images/dockerfile-sources.ts";
import type { Instruction } from "../images/dockerfile-syntax.ts";
import { pinsOf } from "../locks/refresh-sizes.ts";

/** What a step fetches from outside while it runs. */
export interface StepWants {
  /** Locks that it installs from: absolute paths. */
  locks: string[];
  /** Further files that it installs from and that no mount brings, as written: what they ask for is not counted. */
  unread: string[];
  /** `name==version` words of its own, e.g. `["uv==0.13.9"]`. */
  pins: string[];
  /** Index that it installs from, where it names one, e.g. `"https://index.example/simple"`. */
  index?: string;
  /** Addresses of ADD: files and Git repositories. */
  remotes: string[];
  /** It installs packages of the distribution. */
  apt: boolean;
  /** Folders of its cache mounts, e.g. `["/root/.cache/uv"]`. */
  caches: string[];
  /** It keeps no downloads although it has a cache mount (`--no-cache`, `--no-cache-dir`). */
  keepsNothing: boolean;
}

interface Surroundings {
  /** Folder of the build context. */
  context: string;
  variables: Record<string, string | undefined>;
  expand(word: string): string;
  /** Path in the build context of what a mount takes from a stage; undefined where the stage does more than copy. */
  copiedFrom(stage: string, source: string): string | undefined;
}

/** Reads off an instruction what it will fetch. */
export function wantsOf(instruction: Instruction, surroundings: Surroundings): StepWants {
  const { context, variables, expand, copiedFrom } = surroundings;
  const wants: StepWants = {
    ...{ locks: [], unread: [], pins: [], remotes: [], caches: [] },
    ...{ apt: false, keepsNothing: false },
  };
  if (instruction.keyword === "ADD")
    wants.remotes = instruction.rest
      .split(/\s+/)
      .slice(0, -1)
      .map(expand)
      .filter((word) => /^(https?|git|ssh):\/\/|^git@/.test(word));
  if (instruction.keyword !== "RUN") return wants;
  const command = [instruction.rest, ...instruction.heredocs.map(({ body }) => body)].join("\n");
  const text = fill(chosenBranches(command, variables), variables);
  const isInstall = /\b(pip3?|uv)\b|\badd-packages\b/.test(text);
  const mounted: string[] = [];
  for (const fields of mountFields(instruction)) {
    const [type, target] = [fields.get("type") ?? "bind", fields.get("target") ?? ""];
    if (type === "cache") wants.caches.push(target);
    if (type === "bind" && target) mounted.push(target);
    if (type !== "bind" || !isInstall) continue;
    const from = fields.get("from");
    const written = expand(fields.get("source") ?? ".");
    const source = from === undefined ? written : copiedFrom(from, written);
    if (source === undefined) continue;
    wants.locks.push(...namedBelow(text, target).map((rest) => join(context, source, rest)));
  }
  const index = isInstall ? indexOf(text, variables) : undefined;
  return {
    ...wants,
    ...(index !== undefined && { index }),
    locks: [...new Set(wants.locks)],
    unread: filesAsked(text).filter((file) => !mounted.some((path) => isBelow(file, path))),
    pins: pinsOf(text),
    apt: /\bapt(-get)?\b[^\n]*\b(install|upgrade)\b/.test(text),
    keepsNothing: /--no-cache(-dir)?\b/.test(text),
  };
}

/** What stands behind `-r` of pip and uv, with the shell's own variables put in; `rm -r` is another. */
function filesAsked(text: string): string[] {
  const own = [...text.matchAll(/(?<=^|[\s;])(\w+)=([^\s"';|&]+)/g)].map(([, name, value]) => [name, value]);
  return fill(text, Object.fromEntries(own) as Record<string, string>)
    .split(/&&|[;|\n]/)
    .filter((command) => /\b(pip3?|uv)\b/.test(command))
    .flatMap((command) => [...command.matchAll(/\s(?:-r|--requirements?)(?:\s+|=)["']?([^\s"']+)/g)])
    .map((match) => match[1]!);
}

/** Index of an installation, from its options or the variables of pip and uv; undefined for their own default. */
function indexOf(text: string, variables: Record<string, string | undefined>): string | undefined {
  const option = /\s(?:-i|--index-url|--default-index)(?:\s+|=)["']?([^\s"';|&$]+)/.exec(text)?.[1];
  const names = /\buv\b/.test(text) ? ["UV_DEFAULT_INDEX", "UV_INDEX_URL"] : ["PIP_INDEX_URL"];
  return option ?? names.map((name) => variables[name]).find((value) => value);
}

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Paths of locks that a command names at or below a mount's target, relative to it; empty is the mount itself. */
function namedBelow(text: string, target: string): string[] {
  if (!target) return [];
  return [...text.matchAll(/[^\s"'=;|&]+\.(?:lock|txt)\b/g)]
    .map((match) => match[0])
    .filter((path) => isBelow(path, target))
    .map((path) => path.slice(target.length));
}

/** Puts variables in where they stand plain: `$NAME` and `${NAME}`. */
function fill(text: string, variables: Record<string, string | undefined>): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, plain?: string) => {
    return variables[braced ?? plain ?? ""] ?? whole;
  });
}

/** Of each `case "$NAME" in … esac` over a known variable only the branch that runs. */
function chosenBranches(text: string, variables: Record<string, string | undefined>): string {
  return text.replace(
    /\bcase\s+"?\$\{?(\w+)\}?"?\s+in\s([\s\S]*?)\besac\b/g,
    (whole, name: string, body: string) => {
      const value = variables[name];
      if (value === undefined) return whole;
      for (const branch of body.split(";;")) {
        const [, patterns, commands] = /^\s*\(?([^)]*)\)([\s\S]*)$/.exec(branch) ?? [];
        const fits = (patterns ?? "")
          .split("|")
          .some((pattern) => ["*", value].includes(pattern.trim().replace(/["']/g, "")));
        if (patterns !== undefined && fits) return commands ?? "";
      }
      return "";
    },
  );
}
