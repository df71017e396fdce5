// What provider/pulumi-resource-gpubuild starts: provider/main.ts, bundled afresh if a source file has changed.
import { createRequire } from "node:module";
import { build } from "./build.mjs";

await build();
createRequire(import.meta.url)("../dist/provider.cjs");
