import { spawn } from "node:child_process";
import type { CommandInputs } from "./inputs.ts";

export interface CommandOutput {
  stdout: string;
  stderr: string;
}

/** Process groups of commands that run now. */
const running = new Set<number>();

/**
 * Runs one command as `local.Command` does: `/bin/sh -c` unless an interpreter is given.
 *
 * @param previous what the last command printed: for the variables PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR.
 * @param onLine called with each line that it prints, for Pulumi's log.
 * @throws with the command's own words when it fails.
 */
export function runCommand(
  command: string,
  inputs: CommandInputs,
  previous: CommandOutput | undefined,
  onLine: (line: string) => void,
): Promise<CommandOutput> {
  const [program = "/bin/sh", ...args] = inputs.interpreter?.length ? inputs.interpreter : ["/bin/sh", "-c"];
  const env: NodeJS.ProcessEnv = { ...process.env, ...inputs.environment };
  if (previous && inputs.addPreviousOutputInEnv !== false) {
    env.PULUMI_COMMAND_STDOUT = previous.stdout;
    env.PULUMI_COMMAND_STDERR = previous.stderr;
  }
  return new Promise((resolve, reject) => {
    // A group of its own, so that stopping it reaches what it started.
    const child = spawn(program, [...args, command], { cwd: inputs.dir, env, detached: true, stdio: "pipe" });
    const group = child.pid;
    if (group) running.add(group);
    const stdout = collect(child.stdout, wants(inputs, "stdout") ? onLine : undefined);
    const stderr = collect(child.stderr, wants(inputs, "stderr") ? onLine : undefined);
    child.stdin.on("error", () => {}); // it need not read its input
    child.stdin.end(inputs.stdin ?? "");
    child.on("error", (error) =>
      reject(new Error(`cannot run ${program}${inputs.dir ? ` in ${inputs.dir}` : ""}: ${error.message}`)),
    );
    child.on("close", (code, signal) => {
      if (group) running.delete(group);
      const output = { stdout: stdout(), stderr: stderr() };
      if (code === 0) resolve(output);
      else reject(new Error(failure(command, code, signal, output)));
    });
  });
}

/** Ends every command that runs, with what it started. */
export function stopCommands(): void {
  for (const group of running) {
    try {
      process.kill(-group, "SIGTERM");
    } catch {
      // it has just ended
    }
  }
}

function failure(
  command: string,
  code: number | null,
  signal: NodeJS.Signals | null,
  output: CommandOutput,
): string {
  const how = signal ? `ended by ${signal}` : `exit status ${code}`;
  return [`${how}: running "${command}":`, output.stderr || output.stdout].join("\n").trimEnd();
}

function wants({ logging = "stdoutAndStderr" }: CommandInputs, stream: "stdout" | "stderr"): boolean {
  return logging === stream || logging === "stdoutAndStderr";
}

function collect(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): () => string {
  let text = "";
  let logged = 0;
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n", logged); end >= 0; end = text.indexOf("\n", logged)) {
      onLine?.(text.slice(logged, end));
      logged = end + 1;
    }
  });
  stream.on("end", () => text.length > logged && onLine?.(text.slice(logged)));
  return () => text.replace(/\n$/, "");
}
