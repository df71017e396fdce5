import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../lib/errors.ts";
import { formatSources, type AptSource } from "./apt-sources.ts";
import type { WorkOptions } from "./steps.ts";

export interface UnpackedPackage {
  name: string;
  version: string;
}

/**
 * Downloads packages with the machine's apt (its keyrings and proxy settings) and unpacks them, installing nothing.
 *
 * Lists, archives and sources lie in `scratch`, so the machine's own apt state is neither used nor changed.
 *
 * @param target folder that the packages' files go to.
 * @param scratch folder that may be removed afterwards.
 * @param withDependencies also what they depend on and the machine has not installed. @default false
 */
export async function unpackPackages(
  packages: string[],
  sources: AptSource[],
  target: string,
  scratch: string,
  { signal, withDependencies = false }: WorkOptions & { withDependencies?: boolean } = {},
): Promise<UnpackedPackage[]> {
  const archives = join(scratch, "cache/archives");
  for (const folder of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(scratch, folder), { recursive: true });
  writeFileSync(join(scratch, "sources.list"), formatSources(sources, { keyrings: true }));
  const apt = async (...args: string[]) => {
    const result = await execa("apt-get", [...aptOptions(scratch), ...args], {
      cwd: archives,
      reject: false,
      all: true,
      stdin: "ignore",
      cancelSignal: signal,
      env: { LC_ALL: "C" },
    });
    signal?.throwIfAborted();
    if (result.failed) throw aptFailure(args, result.all ?? "", result.code);
  };
  await apt("update");
  const withMissing = ["install", "--download-only", "--yes", "--no-install-recommends"];
  await apt(...(withDependencies ? withMissing : ["download"]), ...packages);
  mkdirSync(target, { recursive: true });
  const files = readdirSync(archives).filter((name) => name.endsWith(".deb"));
  for (const file of files)
    await execa("dpkg-deb", ["-x", join(archives, file), target], { cancelSignal: signal });
  rmSync(scratch, { recursive: true, force: true });
  return files.map(nameAndVersion);
}

function aptOptions(scratch: string): string[] {
  const settings = [
    `Dir::Etc::SourceList=${join(scratch, "sources.list")}`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${join(scratch, "lists")}`,
    `Dir::Cache=${join(scratch, "cache")}`,
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
    // A list that could not be fetched is only a warning otherwise.
    "APT::Update::Error-Mode=any",
    // Without it apt warns that its own user cannot write here.
    "APT::Sandbox::User=root",
    // Nothing is installed, so dpkg's lock, which another apt may hold, is not needed.
    "Debug::NoLocking=true",
  ];
  return settings.flatMap((setting) => ["-o", setting]);
}

function aptFailure(args: string[], output: string, code: string | undefined): UserError {
  const reason =
    output.split("\n").find((line) => line.startsWith("E:")) ?? output.trim().split("\n").pop() ?? "";
  const missing = code === "ENOENT" ? "apt-get is not installed" : reason.trim();
  return new UserError(
    `Debian's packages cannot be fetched (apt-get ${args.slice(0, 3).join(" ")} …): ${missing}`,
  );
}

/** `runc_1.1.5+ds1-1+deb12u1_amd64.deb` → name and version. */
function nameAndVersion(file: string): UnpackedPackage {
  const [name = file, version = ""] = file.split("_");
  return { name, version: decodeURIComponent(version) };
}
