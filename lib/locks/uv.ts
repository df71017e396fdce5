import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa, ExecaError } from "execa";
import { UserError } from "../errors.ts";
import { redactor } from "../secrets/redact.ts";
import { loginForms } from "../secrets/url-login.ts";
import { parseLock, type Lock } from "./lock-text.ts";
import type { Requirements } from "./requirements.ts";

/** The uv that resolves; the same as in the bases, so that a lock reads the same there. */
export const uvVersion = "0.13.9";

export interface Resolution {
  requirements: Requirements;
  /** Target Python, e.g. `"3.10"`. */
  python: string;
  /** Index for single packages, its URL with a login where it needs one; all else comes from the client's own default. */
  index?: { url: string; packages: string[] };
  /** `name==version` lines that must hold. */
  constraints?: string[];
  /** `name==version` lines that are kept where they fit. */
  preferences?: string[];
  /** Packages for which the requirements' date limit does not count. */
  anyAge?: string[];
  /** Packages that are left out, with all that they need. */
  without?: string[];
}

/**
 * Resolves requirements for Linux on x86_64, with the hashes of every file. Downloads metadata, installs nothing.
 * @param uv path of uv, see `findUv`
 * Throws a UserError with uv's own words where nothing fits.
 */
export async function resolve(uv: string, resolution: Resolution): Promise<Lock> {
  const { index } = resolution;
  const folder = await mkdtemp(join(tmpdir(), "gpu-build-host-lock-"));
  try {
    const { args, out } = await writeQuestion(folder, resolution);
    await execa(uv, [...args, "--generate-hashes"], {
      cwd: folder,
      env: { UV_CONSTRAINT: undefined, UV_BUILD_CONSTRAINT: undefined },
    });
    return parseLock(await readFile(out, "utf8"));
  } catch (error) {
    if (error instanceof ExecaError) {
      const redact = redactor(index ? loginForms(index.url) : []);
      throw new UserError(`The packages cannot be resolved:\n${redact(String(error.stderr).trim())}`);
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The name that requirements are given to uv under; its messages say that this "depends on" them. */
export const projectName = "lock";

/**
 * Writes what uv is asked into a folder of its own.
 * @returns the arguments to run uv with in that folder, and the file that it then writes
 */
export async function writeQuestion(
  folder: string,
  resolution: Resolution,
): Promise<{ args: string[]; out: string }> {
  const { requirements, python, index, constraints = [], preferences = [], anyAge = [] } = resolution;
  const { without = [] } = resolution;
  const out = join(folder, "out.lock");
  await writeFile(join(folder, "pyproject.toml"), pyproject(requirements.lines, index));
  await writeFile(join(folder, "constraints.txt"), lines(constraints));
  // A marker that no Python fits takes a package out of the resolution.
  await writeFile(
    join(folder, "overrides.txt"),
    lines(without.map((name) => `${name}; python_version < "0"`)),
  );
  await writeFile(out, lines(preferences)); // uv keeps the versions that it finds in the output file
  const days = [
    ...(requirements.excludeNewer ? ["--exclude-newer", requirements.excludeNewer] : []),
    ...Object.entries(requirements.excludeNewerPackages).flatMap(([name, until]) => [
      "--exclude-newer-package",
      `${name}=${until}`,
    ]),
    ...(requirements.excludeNewer ? anyAge : []).flatMap((name) => [
      "--exclude-newer-package",
      `${name}=false`,
    ]),
  ];
  const args = [
    ...["pip", "compile", "pyproject.toml", "--output-file", out, "--constraint", "constraints.txt"],
    ...["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"],
    ...["--no-annotate", "--no-header", "--quiet", "--no-config", "--system-certs", "--no-python-downloads"],
    ...(without.length > 0 ? ["--override", "overrides.txt"] : []),
    ...days,
  ];
  return { args, out };
}

/**
 * Path of uv where it is here already; undefined where `findUv` would have to install it.
 * @param cache folder that may be deleted at any time
 */
export async function presentUv(cache: string): Promise<string | undefined> {
  const own = join(cache, `uv-${uvVersion}`, "bin", "uv");
  if (await exists(own)) return own;
  const onPath = await execa("uv", ["--version"], { reject: false, timeout: 2000 });
  return onPath.exitCode === 0 && String(onPath.stdout).startsWith(`uv ${uvVersion}`) ? "uv" : undefined;
}

/**
 * Path of uv: the one on PATH, else one in a virtual environment of our own in `cache`, made at the first use.
 * @param cache folder that may be deleted at any time
 */
export async function findUv(cache: string, onStep: (detail: string) => void = () => {}): Promise<string> {
  const present = await presentUv(cache);
  if (present !== undefined) return present;
  const own = join(cache, `uv-${uvVersion}`);
  const ownUv = join(own, "bin", "uv");
  onStep(`install uv ${uvVersion}`);
  await mkdir(dirname(own), { recursive: true });
  const work = await mkdtemp(`${own}-`);
  try {
    await execa("python3", ["-m", "venv", work]);
    await execa(join(work, "bin", "pip"), [
      "install",
      "--quiet",
      "--disable-pip-version-check",
      `uv==${uvVersion}`,
    ]);
    // Made in place and not renamed: scripts of a virtual environment name their folder. uv itself is a plain binary.
    await mkdir(join(own, "bin"), { recursive: true });
    await execa("cp", [join(work, "bin", "uv"), `${ownUv}.new`]);
    await execa("mv", [`${ownUv}.new`, ownUv]);
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    throw new UserError(
      `uv ${uvVersion} could not be installed (${String(error.stderr).trim().split("\n").pop() || error.shortMessage}); install python3-venv, or put uv ${uvVersion} on PATH`,
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return ownUv;
}

/** The input for uv. A project file and not a list: only there single packages can be bound to an index. */
function pyproject(requirements: string[], index: Resolution["index"]): string {
  const text = (value: string) => JSON.stringify(value);
  const dependencies = requirements.map((line) => text(line.replace(/\s+#.*$/, ""))).join(", ");
  const project = [
    `[project]`,
    `name = "${projectName}"`,
    `version = "0"`,
    `dependencies = [${dependencies}]`,
  ];
  if (!index) return lines(project);
  return lines([
    ...project,
    "[tool.uv.sources]",
    ...index.packages.map((name) => `${name} = { index = "packages" }`),
    "[[tool.uv.index]]",
    `name = "packages"`,
    `url = ${text(index.url)}`,
    "explicit = true",
  ]);
}

function lines(list: string[]): string {
  return list.map((line) => `${line}\n`).join("");
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
