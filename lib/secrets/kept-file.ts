import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";

/**
 * Path of a file with this text, for a container to mount: the one that has it already, else a new one. The name says
 * nothing of the text and is another for another text, so that state shows a change and never what it is.
 *
 * The folder is closed to everybody else. The file itself may be read: in the container a root without rights over others'
 * files reads it, whoever owns it out here.
 * @param folder e.g. `"/var/lib/gpu-build-host/dev/secrets"`
 * @param name beginning of the file's name, e.g. `"proxy"`
 */
export async function keepSecretFile(
  folder: string,
  name: string,
  text: string,
  { isPreview }: { isPreview: boolean },
): Promise<string> {
  const present = filesOf(folder, name).find((path) => readFileSync(path, "utf8") === text);
  if (present !== undefined) return present;
  const path = join(folder, `${name}-${randomBytes(4).toString("hex")}`);
  if (isPreview) return path;
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  await writeFileAtomic(path, text, { mode: 0o444 });
  return path;
}

function filesOf(folder: string, name: string): string[] {
  try {
    const files = readdirSync(folder).filter((file) => new RegExp(`^${name}-[0-9a-f]{8}$`).test(file));
    return files.map((file) => join(folder, file)).filter((path) => statSync(path).isFile());
  } catch {
    return []; // not made yet
  }
}
