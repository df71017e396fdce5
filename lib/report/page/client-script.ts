import { join } from "node:path";
import { build } from "esbuild";

const notices = [
  "Apache ECharts, Copyright The Apache Software Foundation, Apache-2.0",
  "ZRender, Copyright (c) 2017, Baidu Inc. All rights reserved, BSD-3-Clause",
];

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
    legalComments: "eof",
    define: { "process.env.NODE_ENV": '"production"' },
    // The licences of what is in it ask for these words to go with it.
    banner: { js: `/*! ${notices.join("; ")} */` },
    logLevel: "silent",
  });
  return outputFiles[0]!.text.replace(/<\/(script)/gi, "<\\/$1");
}
