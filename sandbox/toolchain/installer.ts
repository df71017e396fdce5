import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import prettyBytes from "pretty-bytes";
import { UserError } from "../../lib/errors.ts";
import { silent, type WorkOptions } from "../steps.ts";
import { ensureFolder, userCache } from "../user-cache.ts";
import { pulumiCli } from "./go-programs.ts";
import { askVersion } from "./path-pulumi.ts";

const installer = "https://get.pulumi.com/install.sh";

/** Seconds for the first answer of Pulumi's download site; after them it counts as out of reach. */
const probeSeconds = 6;
/** Seconds for the whole download, of about 100 MB. */
const downloadSeconds = 600;

/** Folder of the CLI that the official installer brought. */
export function installedFolder(): string {
  return userCache("toolchain", `official-${pulumiCli.version}`);
}

/** Path of the CLI if the official installer brought it earlier. */
export function installedPulumi(): string | undefined {
  const program = join(installedFolder(), "bin", "pulumi");
  return existsSync(join(installedFolder(), ".complete")) && existsSync(program) ? program : undefined;
}

/**
 * Runs Pulumi's official installer into the user's cache.
 *
 * @returns the CLI's path, or why Pulumi's download site is out of reach.
 * @throws UserError when the site answers and the installation fails all the same.
 */
export async function installPulumi(
  options: WorkOptions = {},
): Promise<{ pulumi: string } | { unreachable: string }> {
  const step = (detail: string) =>
    (options.onStep ?? silent)({ name: `install pulumi ${pulumiCli.version}`, detail });
  step("asking Pulumi's download site");
  const script = await fetchInstaller(options.signal);
  if ("unreachable" in script) return script;
  await ensureFolder(
    installedFolder(),
    (temporary) => runInstaller(script.text, temporary, step, options.signal),
    options,
  );
  return { pulumi: join(installedFolder(), "bin", "pulumi") };
}

/** The script itself is the probe: curl, which the script needs too, knows proxies and certificates of the machine. */
async function fetchInstaller(signal?: AbortSignal): Promise<{ text: string } | { unreachable: string }> {
  const { execa } = await import("execa");
  const limits = ["--connect-timeout", "3", "--max-time", String(probeSeconds)];
  const answer = await execa(
    "curl",
    ["--fail", "--silent", "--show-error", "--location", "--proto", "=https", ...limits, installer],
    {
      reject: false,
      stdin: "ignore",
      cancelSignal: signal,
    },
  );
  signal?.throwIfAborted();
  if (answer.code === "ENOENT")
    return { unreachable: "curl, which Pulumi's installer needs, is not installed" };
  if (answer.failed)
    return {
      unreachable: (answer.stderr || answer.shortMessage || "no answer").replace(/^curl: /, "").trim(),
    };
  // A captive portal answers with a page.
  const text = answer.stdout ?? "";
  return text.startsWith("#!") ? { text } : { unreachable: "its answer is no shell script" };
}

async function runInstaller(
  script: string,
  folder: string,
  step: (detail: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { execa } = await import("execa");
  const download = join(folder, "download");
  mkdirSync(download);
  const progress = setInterval(() => step(`downloading: ${prettyBytes(sizeOf(folder))}`), 500);
  try {
    const result = await execa(
      "sh",
      ["-s", "--", "--no-edit-path", "--install-root", folder, "--version", pulumiCli.version],
      {
        input: script,
        env: { HOME: download, TMPDIR: download }, // so that it leaves nothing elsewhere
        reject: false,
        all: true,
        timeout: downloadSeconds * 1000,
        cancelSignal: signal,
      },
    );
    signal?.throwIfAborted();
    const version = await askVersion(join(folder, "bin", "pulumi")).catch(() => undefined);
    if (result.failed || !version) {
      const reason = result.timedOut
        ? `no end after ${downloadSeconds} s`
        : (result.all ?? "").trim().split("\n").at(-1);
      throw new UserError(`Pulumi's installer (${installer}) failed: ${reason || result.shortMessage}`);
    }
  } finally {
    clearInterval(progress);
  }
  rmSync(download, { recursive: true, force: true });
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, String(name)), { throwIfNoEntry: false }))
    .reduce((sum, entry) => sum + (entry?.isFile() ? entry.size : 0), 0);
}
