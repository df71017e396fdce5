import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Adds a line to a file of lines, for its owner only. After a line that a crash cut off it begins a new one, so nothing is lost. */
export async function appendLine(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, "a+", 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const isCutOff = size > 0 && last.toString() !== "\n";
    await file.appendFile(`${isCutOff ? "\n" : ""}${line}\n`);
  } finally {
    await file.close();
  }
}
