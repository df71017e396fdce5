import { accessSync, constants, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command } from "commander";
import { allChecks } from "../lib/doctor/all-checks.ts";
import { dockerfileChecks } from "../lib/doctor/dockerfile-checks.ts";
import { ruleIds } from "../lib/doctor/dockerfile-rules/index.ts";
import { readFacts } from "../lib/doctor/read-facts.ts";
import { runChecks, type CheckResult } from "../lib/doctor/run-checks.ts";
import type { Check, Facts } from "../lib/doctor/types.ts";
import { UserError } from "../lib/errors.ts";
import { settingsBeforeStart, settingsOfStackFile } from "../lib/settings/load.ts";
import { fileBackend } from "../lib/state-files/file-backend.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { recordedEnvironment } from "../sandbox/recorded-environment.ts";
import { countsLine, printChecks } from "./doctor-lines.ts";
import { interruptible } from "./interrupts.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { stackOption } from "./options.ts";
import { projectRoot, sandboxBackend, sandboxRoot } from "./stack-context.ts";

interface DoctorOptions {
  stack: string;
  json?: boolean;
  only?: string;
  deep?: boolean;
  fix?: boolean;
  dryRun?: boolean;
  bundle?: string;
}

/** `npm run doctor`: looks at the host and says what is wrong with it, and what mends it. */
export function doctorCommand(): Command {
  return new Command("npm run doctor --")
    .description(
      "Looks at everything a stack needs and says what is wrong and what mends it. It changes nothing. Exit code 0: no FAIL, 1: a FAIL, 2: it could not run.",
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2)) // 1 would say that a check found a FAIL
    .addOption(stackOption())
    .option("--json", "print {checks: [{id, status, line, fix}]} and nothing else")
    .option("--only <prefix>", "only checks whose id begins so, e.g. gpu or docker.config")
    .option("--deep", "also what starts containers: gpu.container, image.runtime-parts")
    .option("--fix", "do what is safe, after showing it, and look again")
    .option("--dry-run", "with --fix: only show it")
    .option("--bundle <file>", "write a report for an issue, without secrets")
    .action(async (options: DoctorOptions) => {
      let code = 2;
      try {
        code = await interruptible((signal) => doctor(options, signal));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.error(error.message);
      }
      // A program that hangs in the kernel, as nvidia-smi with a broken driver, would keep this one alive.
      process.exit(code);
    });
}

async function doctor(options: DoctorOptions, signal: AbortSignal): Promise<number> {
  refuseInVain(options);
  const { facts, engineLog } = open(options);
  const say = options.json ? console.error : console.log;
  let results = await look(facts, options, signal);
  if (options.fix) {
    if (!options.json) printChecks(results);
    if (await repair(results, options, say)) results = await look(open(options).facts, options, signal);
    else if (!options.json) return codeOf(results);
  }
  if (options.json) console.log(JSON.stringify({ checks: results.map(plain) }, undefined, 2));
  else {
    printChecks(results);
    console.log(`\n${countsLine(results)}`);
  }
  if (options.bundle) {
    const { reportText } = await import("../lib/doctor/bundle.ts");
    writeFileSync(options.bundle, await reportText(facts, results.map(plain), engineLog), { mode: 0o600 });
    say(`The report is ${options.bundle}; it holds no secrets that we know of: read it before you send it.`);
  }
  return codeOf(results);
}

/** Throws for options that could not be done, before minutes are spent on checks. */
function refuseInVain({ fix, dryRun, bundle, only = "" }: DoctorOptions): void {
  if (dryRun && !fix) throw new UserError("--dry-run shows what --fix would do: add --fix.");
  const groups = [...new Set(knownIds.map((id) => id.split(".")[0]))].join(", ");
  if (!knownIds.some((id) => id.startsWith(only)))
    throw new UserError(`No check begins with "${only}"; groups: ${groups}.`);
  if (bundle !== undefined) refuseUnwritable(bundle);
}

const knownIds = [...allChecks.map(({ id }) => id), "dockerfile.rules", ...ruleIds];

function refuseUnwritable(file: string): void {
  const folder = dirname(file);
  let isFolder = file === "";
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    isFolder ||= found?.isDirectory() === true;
    accessSync(found ? file : folder, constants.W_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UserError(
      `--bundle ${file} cannot be written: ${isMissing ? `mkdir -p ${folder}` : "name a file that this user may write"}.`,
    );
  }
  if (isFolder) throw new UserError(`--bundle "${file}" is no file: name the file that the report goes to.`);
}

/** What checks look at, without starting anything: the sandbox may never have been. */
function open({ stack, deep }: DoctorOptions): { facts: Facts; engineLog?: string } {
  const layout = sandboxLayout(sandboxRoot);
  const before = settingsBeforeStart(projectRoot, stack, layout.dockerHost);
  const environment = before.sandbox ? recordedEnvironment(sandboxRoot) : undefined;
  const started = !before.sandbox || environment !== undefined;
  const settings = started ? settingsOfStackFile(projectRoot, stack) : before;
  const env: NodeJS.ProcessEnv = { ...process.env, DOCKER_HOST: settings.engine.host, ...environment };
  return {
    facts: readFacts(settings, {
      env,
      started,
      deep: deep === true,
      backend: settings.sandbox ? sandboxBackend : fileBackend(projectRoot, process.env),
    }),
    ...(settings.sandbox && { engineLog: layout.engineLog }),
  };
}

async function look(facts: Facts, { only = "" }: DoctorOptions, signal: AbortSignal): Promise<CheckResult[]> {
  const chosen = allChecks.filter(({ id }) => id.startsWith(only));
  const withDockerfiles = "dockerfile.".startsWith(only) || only.startsWith("dockerfile.");
  const [results, dockerfiles] = await Promise.all([
    runChecks(chosen, facts, signal),
    withDockerfiles ? dockerfileChecks(facts.settings) : [],
  ]);
  return [...results, ...dockerfiles.filter(({ id }) => id.startsWith(only))];
}

/** Shows and does what is safe; true where something was done. */
async function repair(
  results: CheckResult[],
  options: DoctorOptions,
  say: (line: string) => void,
): Promise<boolean> {
  const repairs = results.flatMap(({ repair }) => repair ?? []);
  if (repairs.length === 0) {
    say("\nNothing of this can be mended by itself: the lines above say how.");
    return false;
  }
  say(options.dryRun ? "\nThis would be done:" : "\nThis is done now:");
  for (const { says } of repairs) say(`  ${says}`);
  say("");
  if (options.dryRun) return false;
  await oneAtATime(options.stack, async () => {
    for (const { run } of repairs) await run();
  });
  return true;
}

function plain({ id, status, line, fix }: CheckResult): Check {
  return { id, status, line, ...(fix !== undefined && { fix }) };
}

function codeOf(results: Check[]): number {
  return results.some(({ status }) => status === "FAIL") ? 1 : 0;
}
