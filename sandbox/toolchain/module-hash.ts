import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { GoProgram } from "./go-programs.ts";

/** 16 hexadecimal digits over everything that the program is built from but Go itself. */
export function moduleHash(program: GoProgram): string {
  const hash = createHash("sha256").update(
    JSON.stringify([program.package, program.tags, program.linkerFlags, process.arch]),
  );
  for (const file of filesOf(program.module))
    hash
      .update(file)
      .update("\0")
      .update(readFileSync(join(program.module, file)));
  return hash.digest("hex").slice(0, 16);
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
