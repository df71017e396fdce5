// Bundles the three programs into dist/ when a source file is newer than the last bundle: Node then starts in
// a fraction of the time that a TypeScript loader takes, and Pulumi starts the provider twice in every run.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "..");
const sources = ["bench", "bootstrap", "cli", "components", "lib", "provider", "sandbox"];
const dist = join(root, "dist");
const stamp = join(dist, "built");

/** Time of the newest source file, in milliseconds. A folder's own time tells of files that were removed. */
function newest(folder) {
  let time = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) time = Math.max(time, newest(path));
    else if (/\.(ts|mjs)$/.test(entry.name)) time = Math.max(time, statSync(path).mtimeMs);
  }
  return time;
}

/** Whether dist/ was bundled from the source files as they are. */
export function isFresh() {
  try {
    const built = statSync(stamp).mtimeMs;
    const times = sources.map((folder) => newest(join(root, folder)));
    return (
      Math.max(
        ...times,
        statSync(join(root, "index.ts")).mtimeMs,
        statSync(join(root, "package-lock.json")).mtimeMs,
      ) < built
    );
  } catch {
    return false;
  }
}

/** Optional parts of packages that nothing here uses. */
const neverLoaded = ["ssh2", "cpu-features", "typescript", "ts-node"];

/** What packages written as CommonJS expect to find. */
const commonJsNames = `import { createRequire as bundleRequire } from "node:module";
import { fileURLToPath as bundlePath } from "node:url";
const require = bundleRequire(import.meta.url), __filename = bundlePath(import.meta.url), __dirname = bundlePath(new URL(".", import.meta.url));`;

/** Bundled code lies in dist/: this keeps `import.meta.dirname` the folder of the source file, wherever the clone is moved to. */
const sourceFolders = {
  name: "source-folders",
  setup(bundle) {
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, "utf8");
      if (!contents.includes("import.meta.dirname")) return undefined;
      const folder = `decodeURIComponent(new URL(${JSON.stringify(`../${relative(root, dirname(path))}`)}, import.meta.url).pathname)`;
      return { contents: contents.replaceAll("import.meta.dirname", folder), loader: "ts" };
    });
  },
};

/** Bundles what is stale. Several processes may do so at once: each writes its own folder, then renames files. */
export async function build() {
  if (isFresh()) return;
  const started = new Date();
  const { build: bundle } = await import("esbuild");
  const out = join(dist, `.${process.pid}`);
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node20",
    sourcemap: true,
    plugins: [sourceFolders],
    // Its other form for Node finds its own parts at run time, which a bundle does not have.
    alias: { "jsonc-parser": "jsonc-parser/lib/esm/main.js" },
    logLevel: "warning",
  };
  await Promise.all([
    bundle({
      ...common,
      entryPoints: { cli: "cli/main.ts", program: "index.ts" },
      outdir: out,
      format: "esm",
      splitting: true,
      // Pulumi's packages keep their state in their modules and must be the ones that Pulumi itself loads.
      external: ["@pulumi/*", "esbuild", ...neverLoaded],
      banner: { js: commonJsNames },
    }),
    // The provider carries its packages with it: it starts twice in every run, and one file loads faster than hundreds.
    bundle({
      ...common,
      entryPoints: { provider: "provider/main.ts" },
      outdir: out,
      format: "cjs",
      outExtension: { ".js": ".cjs" },
      mainFields: ["module", "main"],
      external: neverLoaded,
      minify: true, // half as much to parse
      keepNames: true,
    }),
  ]);
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(out)) renameSync(join(out, name), join(dist, name));
  rmSync(out, { recursive: true, force: true });
  writeFileSync(stamp, "");
  utimesSync(stamp, started, started); // a file saved while the bundle was made counts as newer
}

if (process.argv[1] === import.meta.filename) await build();
