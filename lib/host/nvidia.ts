import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runBriefly } from "./run-briefly.ts";

/** What NVIDIA's driver says of itself, or why it does not. */
export type NvidiaAnswer =
  | { state: "ok"; driver: string; gpus: string[] }
  /** No nvidia-smi; `hardware`: there is a GPU in the machine all the same. */
  | { state: "absent"; hardware: boolean }
  | { state: "silent" }
  /** Kernel module and library are of different versions. */
  | { state: "mismatch"; words: string }
  | { state: "no-driver"; words: string }
  | { state: "garbage"; words: string };

/** Longest wait for nvidia-smi, in milliseconds: without its persistence daemon it takes up to some seconds. */
export const nvidiaLimitMs = 8_000;

/** Asks nvidia-smi. Never throws, never waits longer than the limit. */
export async function askNvidia(
  env: NodeJS.ProcessEnv = process.env,
  options: { timeoutMs?: number; hardware?: () => boolean } = {},
): Promise<NvidiaAnswer> {
  const { timeoutMs = nvidiaLimitMs, hardware = hasNvidiaHardware } = options;
  const run = await runBriefly("nvidia-smi", ["--query-gpu=driver_version,name", "--format=csv,noheader"], {
    env,
    timeoutMs,
  });
  if (run.state === "missing") return { state: "absent", hardware: hardware() };
  if (run.state === "silent") return { state: "silent" };
  const words = firstLine(run.stdout) || firstLine(run.stderr) || `exit code ${run.exitCode}, without a word`;
  if (/version mismatch/i.test(run.stdout + run.stderr)) return { state: "mismatch", words };
  if (
    /couldn't communicate|could not communicate|No devices were found/i.test(run.stdout + run.stderr) ||
    run.exitCode === 9
  )
    return { state: "no-driver", words };
  const lines = run.stdout.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line) => /^\s*(\d{3,}(?:\.\d+)+)\s*,\s*(.+?)\s*$/.exec(line));
  if (run.exitCode !== 0 || rows.length === 0 || rows.some((row) => !row)) return { state: "garbage", words };
  return { state: "ok", driver: rows[0]![1]!, gpus: rows.map((row) => row![2]!) };
}

/** Whether a display or 3D controller of NVIDIA's is on the PCI bus, or WSL's stands for one. */
export function hasNvidiaHardware(bus = "/sys/bus/pci/devices"): boolean {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8").trim();
    } catch {
      return "";
    }
  };
  try {
    return readdirSync(bus).some(
      (device) =>
        read(join(bus, device, "vendor")) === "0x10de" && read(join(bus, device, "class")).startsWith("0x03"),
    );
  } catch {
    return false;
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0]?.slice(0, 160) ?? "";
}
