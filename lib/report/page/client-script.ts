import { join } from "node:path";
import { build } from "esbuild";

/** The page's script with the parts of the chart library that it uses, minified, as it may stand in a script element. */
export async function clientScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "client", "main.ts")],
    absWorkingDir: join(import.meta.dirname, "..", "..", ".."),
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    write: false,
    legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
    // Apache ECharts' licence asks for its notice to go with it.
    banner: { js: "/*! Apache ECharts, Apache-2.0, https://echarts.apache.org */" },
    logLevel: "silent",
  });
  return outputFiles[0]!.text.replace(/<\/(script)/gi, "<\\/$1");
}
