import { execa } from "execa";
import { portHolder } from "../lib/host/port-holder.ts";
import { cacheName } from "../lib/registry/cache-name.ts";

/** The last lines that a stack's registry cache wrote: why it does not become healthy. Empty where they cannot be had. */
export async function lastCacheWords(env: Record<string, string>, stack: string): Promise<string[]> {
  const container = cacheName(stack);
  const { exitCode, all } = await execa("docker", ["logs", "--tail", "5", container], {
    env,
    all: true,
    reject: false,
  });
  if (exitCode !== 0 || !all?.trim()) return [];
  const lost = /listen tcp (\S+):(\d+): bind: address already in use/.exec(all);
  if (lost) {
    const [, address, port] = lost;
    const holder = (await portHolder(Number(port), address!.replace(/[[\]]/g, ""))) ?? "another program";
    return [
      `Port ${port} on ${address} was taken by ${holder} meanwhile. Stop it, or choose another port, and run again.`,
    ];
  }
  return [
    "The cache's last words:",
    ...all
      .trim()
      .split("\n")
      .map((line) => `  ${line}`),
  ];
}

/** One line about who keeps the cache's volume from being removed; undefined where nobody does. */
export async function volumeUse(env: Record<string, string>, stack: string): Promise<string | undefined> {
  const volume = cacheName(stack);
  const args = ["ps", "--all", "--filter", `volume=${volume}`, "--format", "{{.Names}}"];
  const { stdout } = await execa("docker", args, { env, reject: false });
  const names = (stdout ?? "").split("\n").filter(Boolean);
  if (names.length === 0) return undefined;
  const container = names.length === 1 ? "container" : "containers";
  return `the volume ${volume} is used by the ${container} ${names.join(", ")}: docker rm --force ${names.join(" ")}, then run again`;
}
