import fs, { type FileHandle } from "node:fs/promises";
import { replaceFile } from "../../lib/daemon/atomic-file.ts";

// Child of killed-write.test.ts: replaces a file and kills itself before or after its n-th call of the file system.
const { file, text, killAt } = JSON.parse(process.argv[2]!) as {
  file: string;
  text: string | null;
  killAt: number;
};
const calls: string[] = [];

function point(name: string): void {
  calls.push(name);
  if (calls.length === killAt) process.kill(process.pid, "SIGKILL");
}

function watch<T extends object>(target: T, names: (keyof T & string)[]): void {
  for (const name of names) {
    const original = target[name] as (...args: unknown[]) => Promise<unknown>;
    (target as Record<string, unknown>)[name] = async function (this: unknown, ...args: unknown[]) {
      point(`before ${name}`);
      try {
        return await original.apply(this, args);
      } finally {
        point(`after ${name}`);
      }
    };
  }
}

async function main(): Promise<void> {
  const handle = await fs.open("/dev/null");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  watch(prototype, ["writeFile", "chown", "chmod", "sync", "close", "stat", "readFile"]);
  // Bundled as CommonJS: the code under test looks its functions up in this object at every call.
  watch(fs, ["mkdir", "open", "readdir", "readlink", "realpath", "rename", "stat", "unlink"]);
  await replaceFile(file, text, { mode: 0o644 });
  console.log(JSON.stringify(calls));
}

void main();
