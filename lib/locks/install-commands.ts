import { posix } from "node:path";
import { optionValues, readInstall, type Install } from "../doctor/dockerfile-rules/installs.ts";
import type { Instruction } from "../images/dockerfile-syntax.ts";
import { commandsThatRun, type Lookup, type RunCommand } from "./shell-run.ts";
import { absolute } from "./stage-files.ts";

/** The simple commands of a RUN. */
export function commandsOfRun({ rest, heredocs }: Instruction, lookup: Lookup): RunCommand[] {
  if (rest.startsWith("[")) {
    try {
      const list: unknown = JSON.parse(rest);
      if (Array.isArray(list) && list.every((word) => typeof word === "string")) return [{ words: list }];
    } catch {
      // Not JSON after all: Docker then takes it as a shell text.
    }
  }
  const isScript = /^(?:(?:\/bin\/)?(?:ba|da)?sh(?:\s+-\w+)*\s*)?<<-?["']?[\w.]+["']?$/.test(rest);
  if (!isScript || heredocs.length !== 1) return commandsThatRun(rest, lookup);
  const { body } = heredocs[0]!;
  return /^\s*#!(?!.*\b(?:ba|da)?sh\b)/.test(body) ? [] : commandsThatRun(body, lookup);
}

/** What a command brings of Python packages; words that only the build knows are left out. */
export function readPythonInstall(words: RunCommand["words"]): Install | undefined {
  const known = words.filter((word) => word !== undefined);
  const [program = "", file] = known;
  const command = { words: known, variables: new Map<string, string>() };
  // cuda-base/add-packages LOCK [INDEX]
  if (posix.basename(program) === "add-packages" && file !== undefined)
    return {
      tool: "uv",
      program,
      name: "add-packages",
      action: "install",
      packages: [],
      files: [file],
      options: ["--no-deps", "--require-hashes"],
      command,
    };
  const install = readInstall(command);
  return install && (install.tool === "pip" || install.tool === "uv") ? install : undefined;
}

/** Folder that `pip download` and `pip wheel` put their files into. */
export function keptPlace(install: Install, folder: string): string {
  const [place = "."] = optionValues(install, "--dest", "-d", "--wheel-dir", "-w");
  return absolute(place, folder);
}

/** Folder below which the packages come to lie: a virtual environment, `--target` and the like, else `/usr/local`. */
export function prefixOf(install: Install, environment: Map<string, string>): string {
  const [given] = optionValues(install, "--target", "-t", "--prefix", "--root");
  if (given !== undefined) return absolute(given, "/");
  const [python] = optionValues(install, "--python", "-p");
  const program = [python, install.program].find((path) => path?.startsWith("/"));
  if (program !== undefined) return program.replace(/\/bin\/[^/]*$/, "") || "/";
  const fromPath = /^([^:$]*)\/bin(?::|$)/.exec(environment.get("PATH") ?? "")?.[1];
  return environment.get("VIRTUAL_ENV") ?? (fromPath || "/usr/local");
}

/** Whether a copied path has the packages below a prefix. */
export function takesPackages(copied: string, prefix: string): boolean {
  const isBelow = (path: string, folder: string) =>
    folder === "/" || path === folder || path.startsWith(`${folder}/`);
  return (
    isBelow(prefix, copied) ||
    (isBelow(copied, prefix) && /\/(?:lib|lib64)$|\/python[\d.]+$|-packages$/.test(copied))
  );
}
