import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { dataFile } from "../data.ts";
import type { CudaData } from "../data-schema.ts";
import { compatibilityPage } from "../page.ts";
import { formatJson } from "./format-json.ts";

/** The page for people, absolute. */
export const pageFile = join(import.meta.dirname, "..", "..", "..", "docs", "cuda-compatibility.md");

/**
 * Writes the data and its page, each only where it differs.
 *
 * @returns the files that were written.
 */
export async function writeData(
  data: CudaData,
  files: { data: string; page: string } = { data: dataFile, page: pageFile },
): Promise<string[]> {
  const written: string[] = [];
  for (const [path, text] of [
    [files.data, formatJson(data)],
    [files.page, compatibilityPage(data)],
  ] as const) {
    if ((await readFile(path, "utf8").catch(() => undefined)) === text) continue;
    await writeFileAtomic(path, text);
    written.push(path);
  }
  return written;
}
