import { createLogUpdate } from "log-update";

/** Shows what is under way: a line per step with what it does now and the time that has passed. */
export interface Progress {
  /** Starts a step, or says what it does now. */
  step(name: string, detail?: string): void;
  /** Ends a step with a word about how it went; the line stays. */
  done(name: string, result?: string): void;
  /** Ends all steps that are under way. */
  doneAll(): void;
  /** Prints a line above the steps. */
  print(line: string): void;
  /** Ends the display. */
  stop(): void;
}

interface Step {
  started: number;
  detail: string;
  /** Last detail that was printed, where nothing can be overwritten. */
  printed?: string;
  printedAt: number;
}

/** A step shorter than this leaves no line, in milliseconds. */
const worthALine = 2_000;
/** Where lines cannot be overwritten, a step speaks at most this often, in milliseconds. */
const plainInterval = 5_000;

/** Progress for a terminal, or for a log where lines stay (`CI`, pipes). */
export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const steps = new Map<string, Step>();
  const live = stream.isTTY && !process.env["CI"] ? createLogUpdate(stream) : undefined;
  const render = () => {
    const now = Date.now();
    if (live) live([...steps].map(([name, step]) => line(name, step, now, stream.columns || 100)).join("\n"));
    else for (const [name, step] of steps) printPlainly(stream, name, step, now);
  };
  const timer = setInterval(render, live ? 200 : 1_000);
  timer.unref();

  return {
    step(name, detail = "") {
      const step = steps.get(name);
      if (step) step.detail = detail || step.detail;
      else steps.set(name, { started: Date.now(), detail, printedAt: 0 });
    },
    done(name, result = "done") {
      const step = steps.get(name);
      steps.delete(name);
      if (!step || Date.now() - step.started < worthALine) return;
      this.print(
        `${result === "failed" ? "✗" : "✓"} ${name}: ${result} (${elapsed(Date.now() - step.started)})`,
      );
    },
    doneAll() {
      for (const name of [...steps.keys()]) this.done(name);
    },
    print(text) {
      live?.clear();
      stream.write(`${text}\n`);
      if (live) render();
    },
    stop() {
      clearInterval(timer);
      live?.clear();
      steps.clear();
    },
  };
}

/** `"41 s"`, `"2 min 5 s"`. */
export function elapsed(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function line(name: string, step: Step, now: number, columns: number): string {
  const text = `… ${name} ${elapsed(now - step.started)}${step.detail ? `  ${step.detail}` : ""}`;
  return text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
}

function printPlainly(stream: NodeJS.WriteStream, name: string, step: Step, now: number): void {
  const isDue = now - step.started >= worthALine && now - step.printedAt >= plainInterval;
  const isNew = step.detail !== step.printed || now - step.printedAt >= 30_000;
  if (!isDue || !isNew) return;
  step.printed = step.detail;
  step.printedAt = now;
  stream.write(`${line(name, step, now, 160)}\n`);
}
