// What Pulumi runs (`main` in Pulumi.yaml): index.ts, bundled afresh if a source file has changed.
import { join } from "node:path";
import { build } from "./build.mjs";
import { loadClosuresLazily } from "./lazy-closures.mjs";

process.chdir(join(import.meta.dirname, "..")); // Pulumi starts a program in the folder of its file
await build();
loadClosuresLazily();
// Pulumi looks up every line of a stack trace in source maps, and takes one for each resource: a tenth of a run.
if (!process.env.DEBUG) Error.prepareStackTrace = undefined;
export default { ...(await import("../dist/program.js")) };
