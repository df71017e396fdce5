// Lets @pulumi/pulumi start without the modules that write functions down for dynamic resources. This program has none, and
// these modules load the TypeScript compiler and npm's own resolver: 570 of 940 files, two thirds of the package's start.
import { createRequire, Module } from "node:module";

const require = createRequire(import.meta.url);

/** Puts functions in a module's place that load it when the first of them is called. */
function loadAtFirstCall(file, names) {
  const path = require.resolve(file);
  if (require.cache[path]) return; // too late to save anything
  const load = () => {
    if (require.cache[path] === standIn) delete require.cache[path];
    return require(path);
  };
  const standIn = new Module(path);
  standIn.filename = path;
  standIn.loaded = true;
  standIn.exports = Object.fromEntries(names.map((name) => [name, (...args) => load()[name](...args)]));
  require.cache[path] = standIn;
}

/** To be called before `@pulumi/pulumi` is loaded. Whoever calls one of these functions gets the real one. */
export function loadClosuresLazily() {
  const folder = "@pulumi/pulumi/runtime/closure";
  loadAtFirstCall(`${folder}/serializeClosure.js`, ["serializeFunction", "serializeFunctionAsync"]);
  loadAtFirstCall(`${folder}/codePaths.js`, ["computeCodePaths", "findWorkspaceRoot"]);
}
