// `npm start`, `npm test` and every other command of package.json: brings the Node packages, bundles, then runs the command.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `gpu-build-host needs Node 20.19 or newer, this is ${process.versions.node}: see https://nodejs.org/en/download`,
  );
  process.exit(2);
}

if (!isInstalled()) {
  console.error("Installing the Node packages (npm ci) …");
  // Without install scripts: the one of @pulumi/command would ask Pulumi's download site.
  const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  try {
    execFileSync("npm", flags, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  } catch {
    console.error(
      "The Node packages could not be installed: npm's own words stand above. Run the command again when they are mended.",
    );
    process.exit(1);
  }
}

/** True where node_modules holds what the lock file names; npm keeps a list of its own there. */
function isInstalled() {
  const packagesOf = (file) => JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  try {
    const installed = packagesOf("node_modules/.package-lock.json");
    const wanted = Object.entries(packagesOf("package-lock.json")).filter(([path]) => path !== "");
    return wanted.every(([path, { version, optional }]) => optional || installed[path]?.version === version);
  } catch {
    return false;
  }
}

const { build } = await import("./build.mjs");
await build();
const { main } = await import("../dist/cli.js");
await main(process.argv.slice(2));
