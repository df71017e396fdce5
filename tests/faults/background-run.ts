import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { markedProcesses, markName } from "../integration/machine.ts";
import type { CommandResult, Project } from "../integration/project.ts";

/** `npm start` or another command in the background, with every process that comes of it. (The engine is not among them: it starts with an environment of its own.) */
export class BackgroundRun {
  /** What it printed so far. */
  output = "";
  readonly ended: Promise<CommandResult>;
  private readonly mark = randomUUID();
  private readonly child;

  constructor(project: Project, command: "start" | "destroy" = "start", ...flags: string[]) {
    this.child = execa("npm", ["run", command, "--", ...flags], {
      cwd: project.root,
      env: { CI: "true", ...project.env, [markName]: this.mark },
      all: true,
      reject: false,
      stdin: "ignore",
      detached: true, // a session of its own, as in a terminal of its own
    });
    this.child.all.setEncoding("utf8").on("data", (chunk: string) => (this.output += chunk));
    this.ended = this.child.then(({ exitCode = -1, all, stdout }) => ({ exitCode, output: all, stdout }));
  }

  /** Its processes, those that became orphans included. */
  processes(): { pid: number; command: string }[] {
    return markedProcesses(this.mark);
  }

  /** Process ID of the one whose command line matches; waits for it. */
  async process(pattern: RegExp): Promise<number> {
    return until(
      `a process ${pattern}`,
      () => this.processes().find(({ command }) => pattern.test(command))?.pid,
    );
  }

  /** Kills all of it at once, as a power cut would. */
  async kill(): Promise<void> {
    for (let left = this.processes(); left.length > 0; left = this.processes()) {
      for (const { pid } of left) send(pid, "SIGKILL");
      await sleep(5);
    }
    await this.ended;
  }

  /** Sends what a terminal sends: the signal reaches npm and our program, but not Pulumi, which has a session of its own. */
  signal(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }

  /** Closes the reading end of its output, as a closed terminal does. */
  closeOutput(): void {
    this.child.stdout.destroy();
    this.child.stderr.destroy();
  }
}

/** Waits until `find` returns something; fails after five minutes. */
export async function until<T>(what: string, find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 300_000;
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`gave up waiting for ${what}`);
    await sleep(10);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended by itself
  }
}
