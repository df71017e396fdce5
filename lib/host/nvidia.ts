import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runBriefly, type BriefRun } from "./run-briefly.ts";

/** What NVIDIA's driver says of itself, or why it does not. */
export type NvidiaAnswer =
  /** `computeCapabilities`: one for each GPU, e.g. `"8.9"`; null or none where the driver does not tell. */
  | { state: "ok"; driver: string; gpus: string[]; computeCapabilities?: (string | null)[] }
  /** No nvidia-smi; `hardware`: there is a GPU in the machine all the same. */
  | { state: "absent"; hardware: boolean }
  | { state: "silent" }
  /** Kernel module and library are of different versions. */
  | { state: "mismatch"; words: string }
  | { state: "no-driver"; words: string }
  | { state: "garbage"; words: string };

/** Longest wait for nvidia-smi, in milliseconds: without its persistence daemon it takes up to some seconds. */
export const nvidiaLimitMs = 8_000;

/** Where WSL2 has its nvidia-smi; not every shell has the folder on PATH. */
export const wslNvidiaSmi = "/usr/lib/wsl/lib/nvidia-smi";

/** Asks nvidia-smi. Never throws, never waits longer than the limit. */
export async function askNvidia(
  env: NodeJS.ProcessEnv = process.env,
  options: { timeoutMs?: number; hardware?: () => boolean } = {},
): Promise<NvidiaAnswer> {
  const { timeoutMs = nvidiaLimitMs, hardware = hasNvidiaHardware } = options;
  const until = Date.now() + timeoutMs;
  const query = (program: string, fields: string) =>
    runBriefly(program, [`--query-gpu=${fields}`, "--format=csv,noheader"], {
      env,
      timeoutMs: Math.max(1, until - Date.now()),
    });
  let program = "nvidia-smi";
  let run = await query(program, fields);
  if (run.state === "missing" && existsSync(wslNvidiaSmi))
    run = await query((program = wslNvidiaSmi), fields);
  if (isOldDriver(run)) run = await query(program, fieldsOfOldDrivers);
  if (run.state === "missing") return { state: "absent", hardware: hardware() };
  return run.state === "silent" ? run : readAnswer(run);
}

const fieldsOfOldDrivers = "driver_version,name";
const fields = `${fieldsOfOldDrivers},compute_cap`;

/** Drivers before 510 do not know `compute_cap`, and refuse the whole question. */
function isOldDriver(run: BriefRun): boolean {
  return run.state === "ended" && /compute_cap\W.*not a valid field/i.test(run.stdout + run.stderr);
}

function readAnswer(run: BriefRun & { state: "ended" }): NvidiaAnswer {
  const words = firstLine(run.stdout) || firstLine(run.stderr) || `exit code ${run.exitCode}, without a word`;
  if (/version mismatch/i.test(run.stdout + run.stderr)) return { state: "mismatch", words };
  if (
    /couldn't communicate|could not communicate|No devices were found/i.test(run.stdout + run.stderr) ||
    run.exitCode === 9
  )
    return { state: "no-driver", words };
  const lines = run.stdout.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line) =>
    /^\s*(\d{3,}(?:\.\d+)+)\s*,\s*(.+?)\s*(?:,\s*(\d+\.\d+|\[[^\]]*\]))?\s*$/.exec(line),
  );
  if (run.exitCode !== 0 || rows.length === 0 || rows.some((row) => !row)) return { state: "garbage", words };
  return {
    state: "ok",
    driver: rows[0]![1]!,
    gpus: rows.map((row) => row![2]!),
    computeCapabilities: rows.map((row) => (/^\d/.test(row![3] ?? "") ? row![3]! : null)),
  };
}

/** Whether a display or 3D controller of NVIDIA's is on the PCI bus. */
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
