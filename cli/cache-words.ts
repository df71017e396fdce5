import { execa } from "execa";

/** The last lines that a stack's registry cache wrote: why it does not become healthy. Empty where they cannot be had. */
export async function lastCacheWords(env: Record<string, string>, stack: string): Promise<string[]> {
  const container = `gpu-build-host-${stack}-registry-cache`;
  const { exitCode, all } = await execa("docker", ["logs", "--tail", "5", container], {
    env,
    all: true,
    reject: false,
  });
  if (exitCode !== 0 || !all?.trim()) return [];
  return [
    "The cache's last words:",
    ...all
      .trim()
      .split("\n")
      .map((line) => `  ${line}`),
  ];
}
