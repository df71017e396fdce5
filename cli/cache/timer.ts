import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { execa } from "execa";
import writeFileAtomic from "write-file-atomic";
import { timerUnits, type TimerUnits } from "../../lib/cache-store/timer-unit.ts";
import { UserError } from "../../lib/errors.ts";
import { checkStackFile } from "../../lib/settings/load.ts";
import { setCommand } from "../../lib/settings/commands.ts";
import { stackOption } from "../options.ts";
import { projectRoot } from "../project-folders.ts";

interface TimerOptions {
  stack: string;
  print: boolean;
  install: boolean;
  remove: boolean;
}

/** `npm run cache -- timer` */
export function timerCommand(): Command {
  return new Command("timer")
    .description(
      "A systemd timer that prunes the caches to registryCache.maxSize each night: of the system for root, else of the user.",
    )
    .addOption(stackOption())
    .option("--print", "print its units, and change nothing", false)
    .option("--install", "write its units and start the timer", false)
    .option("--remove", "stop the timer and remove its units", false)
    .action(async (options: TimerOptions) => {
      const chosen = [options.print, options.install, options.remove].filter(Boolean).length;
      if (chosen !== 1) throw new UserError("Say one of --print, --install and --remove.");
      const { registryCache } = checkStackFile(projectRoot, options.stack);
      const units = unitsOf(options.stack);
      if (options.remove) {
        const removed = await removeTimer(options.stack);
        console.log(
          removed.length > 0
            ? `Removed ${removed.join(" and ")} from ${unitFolder()}.`
            : `There is no ${units.name}.timer of this clone in ${unitFolder()}.`,
        );
        return;
      }
      if (!registryCache.maxSize)
        throw new UserError(
          `registryCache.maxSize is not set, so there is no limit to keep: ${setCommand(options.stack, "registryCache.maxSize", "100GB")}`,
        );
      if (options.install) return install(units);
      for (const [name, text] of Object.entries(units.files))
        console.log(`# ${join(unitFolder(), name)}\n${text}`);
    });
}

const isRoot = () => process.getuid?.() === 0;
const hasSystemd = () => existsSync("/run/systemd/system");

/** Where systemd looks for units: of the system for root, else of the user. */
function unitFolder(): string {
  return isRoot()
    ? "/etc/systemd/system"
    : join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "systemd/user");
}

function unitsOf(stack: string): TimerUnits {
  return timerUnits({ stack, root: projectRoot, node: process.execPath, path: process.env["PATH"] ?? "" });
}

async function install({ name, files }: TimerUnits): Promise<void> {
  requireSystemd();
  mkdirSync(unitFolder(), { recursive: true });
  for (const [file, text] of Object.entries(files))
    await writeFileAtomic(join(unitFolder(), file), text, { mode: 0o644 });
  await systemctl("daemon-reload");
  await systemctl("enable", "--now", `${name}.timer`);
  console.log(
    `${name}.timer runs. When next: systemctl ${isRoot() ? "" : "--user "}list-timers ${name}.timer`,
  );
  if (!isRoot()) console.log("A user's timers stop when the user logs out, unless: loginctl enable-linger");
}

/**
 * Stops the timer of a stack of this clone and removes its units, as `destroy` does, too. One that another clone has
 * installed for a stack of the same name stays.
 *
 * @param folder where they are looked for; in any other than systemd's own nothing runs that would have to be stopped
 * @returns names of the files that were there, e.g. `["gpu-build-host-cache-dev.timer"]`; without a timer none
 * @throws UserError where systemctl fails, e.g. for a user without a session
 */
export async function removeTimer(stack: string, folder = unitFolder()): Promise<string[]> {
  const { name, files } = unitsOf(stack);
  const service = join(folder, `${name}.service`);
  if (
    existsSync(service) &&
    workingFolder(readFileSync(service, "utf8")) !== workingFolder(files[`${name}.service`]!)
  )
    return [];
  const there = Object.keys(files).filter((file) => existsSync(join(folder, file)));
  if (there.length === 0) return [];
  const isLive = hasSystemd() && folder === unitFolder();
  if (isLive) await systemctl("disable", "--now", `${name}.timer`);
  for (const file of there) rmSync(join(folder, file), { force: true });
  if (isLive) await systemctl("daemon-reload");
  return there;
}

/** The line that says whose clone a unit belongs to. */
function workingFolder(unit: string): string | undefined {
  return /^WorkingDirectory=.*$/m.exec(unit)?.[0];
}

function requireSystemd(): void {
  if (!hasSystemd())
    throw new UserError(
      "systemd does not run here. --print shows the units; with cron, run what their ExecStart line says.",
    );
}

async function systemctl(...args: string[]): Promise<void> {
  const { failed, stderr, shortMessage } = await execa(
    "systemctl",
    [...(isRoot() ? [] : ["--user"]), ...args],
    {
      reject: false,
      stdin: "ignore",
    },
  );
  if (failed) throw new UserError(`systemctl ${args.join(" ")} failed: ${stderr || shortMessage}`);
}
