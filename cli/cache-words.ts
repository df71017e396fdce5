import { engineAt } from "../lib/docker/engine.ts";

/** The last lines that a stack's registry cache wrote: why it does not become healthy. Empty where they cannot be had. */
export async function lastCacheWords(dockerHost: string, stack: string, lines = 5): Promise<string[]> {
  try {
    const docker = await engineAt(dockerHost).client();
    const log = await docker
      .getContainer(`gpu-build-host-${stack}-registry-cache`)
      .logs({ stdout: true, stderr: true, tail: lines });
    const text = withoutFrames(log).trim();
    return text ? ["The cache's last words:", ...text.split("\n").map((line) => `  ${line}`)] : [];
  } catch {
    return [];
  }
}

/** Takes the eight bytes away that Docker puts before each piece of a log: stream, three zeros, length. */
function withoutFrames(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= log.length;) {
    const end = at + 8 + log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(pieces).toString("utf8");
}
