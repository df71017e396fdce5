/** What is read of `package-lock.json`, version 3. */
export interface PackageLock {
  lockfileVersion: number;
  packages: Record<string, LockedPackage>;
}

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  hasInstallScript?: boolean;
  link?: boolean;
}

/** Licences that this project may stand on. */
const allowedLicences = new Set([
  ...["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"],
  ...["CC-BY-3.0", "PSF-2.0", "Python-2.0", "Unlicense", "(BSD-3-Clause AND Apache-2.0)"],
]);

/** Packages whose licence stands elsewhere than in the field, read by a person. */
const readLicences: Record<string, string> = {
  "@logdna/tail-file": "MIT",
  buildcheck: "MIT",
  "cpu-features": "MIT",
  ssh2: "MIT",
};

/** Packages that would run something when they are installed. npm is told not to let them (`--ignore-scripts`). */
const withInstallScript = new Set(["@pulumi/command", "cpu-features", "esbuild", "protobufjs", "ssh2"]);

/** One line for each locked package that could bring something else than what was locked, or that nobody has agreed to. */
export function lockProblems(lock: PackageLock): string[] {
  const version = lock.lockfileVersion === 3 ? [] : [`lockfileVersion is ${lock.lockfileVersion}, not 3`];
  return [
    ...version,
    ...Object.entries(lock.packages).flatMap(([path, locked]) => {
      if (path === "") return [];
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return packageProblems(name, locked).map((problem) => `${name} ${locked.version ?? "?"} ${problem}`);
    }),
  ];
}

function packageProblems(name: string, locked: LockedPackage): string[] {
  const problems: string[] = [];
  if (locked.link) problems.push("is a link to a folder");
  if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(locked.integrity ?? ""))
    problems.push(`has no sha512 (integrity: ${locked.integrity ?? "none"})`);
  if (locked.resolved !== undefined) problems.push(`comes from an address of its own: ${locked.resolved}`);
  if (!/^\d+\.\d+\.\d+/.test(locked.version ?? "")) problems.push("has no version of a registry");
  const licence = locked.license ?? readLicences[name] ?? "none";
  if (!allowedLicences.has(licence) && !readLicences[name])
    problems.push(`has the licence ${licence}, which nobody has agreed to`);
  if (locked.hasInstallScript && !withInstallScript.has(name))
    problems.push("runs a script when it is installed, which nobody has looked at");
  return problems;
}
