// What commands with nothing to do take, beside an empty Pulumi program in the same run; see README.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { Project } from "../../tests/integration/project.ts";
import { median } from "../figures.ts";
import { EmptyProgram } from "./empty-program.ts";
import { timed, type Command, type Cost } from "./timed.ts";

const repository = join(import.meta.dirname, "..", "..");
const rounds = Number(process.env["ROUNDS"] ?? 7);
/** What the others are compared with. */
const reference = "empty program: pulumi up";

const load = loadavg()[0]!;
const project = new Project({ services: { app: { context: "services/app" } } });
let empty: EmptyProgram | undefined;
try {
  project.write("services/app/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY data /data\n");
  for (const text of ["first", "second"]) {
    project.write("services/app/data", text);
    await project.start();
  }
  empty = await EmptyProgram.make(project);
  const costs = await measure(await commands(project, empty));
  const table = tableOf(costs);
  console.log(table);
  const results = join(repository, "bench", "results");
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, "preview.md"), `${header()}\n\n${table}\n`);
  writeFileSync(join(results, "preview.json"), `${JSON.stringify({ rounds, costs }, null, 2)}\n`);
} finally {
  empty?.remove();
  await project.remove();
}

/** A command, and what has to be done after it before it can run again. */
type Measured = Command & { after?: () => Promise<unknown> };

async function commands(project: Project, empty: EmptyProgram): Promise<Record<string, Measured>> {
  const env = { ...project.env, ...(await project.variables()) };
  const cwd = project.root;
  const up = ["up", "--yes", "--skip-preview"];
  const pulumi = (...args: string[]): Measured => ({
    args: ["pulumi", ...args, "--stack", "sandbox", "--non-interactive"],
    cwd,
    env,
  });
  const planned = (...args: string[]): Measured => ({
    args: ["npm", "run", "--silent", "plan", "--", ...args],
    cwd: repository,
    exitCodes: [0, 2], // 2: it says that something does not fit
  });
  return {
    [reference]: empty.command(...up),
    "empty program: pulumi preview": empty.command("preview"),
    "pulumi up": pulumi(...up),
    "pulumi preview": pulumi("preview"),
    "npm start": { args: ["npm", "start", "--silent"], cwd, env: project.env },
    "npm run plan -- --stack cu130": planned("--stack", "cu130"),
    "npm run plan -- --stack dev --set cudaBase.cuda=13.0": planned(
      "--stack",
      "dev",
      "--set",
      "cudaBase.cuda=13.0",
    ),
    "npm run rollback -- app": {
      args: ["npm", "run", "--silent", "rollback", "--", "app"],
      cwd,
      env: project.env,
      after: async () => {
        await project.run("rollback", "app", "--clear");
        await project.start();
      },
    },
  };
}

/** Runs all commands in turn, round by round, so that a slow minute of the machine meets all of them. The first round warms up. */
async function measure(all: Record<string, Measured>): Promise<Record<string, Cost[]>> {
  const costs: Record<string, Cost[]> = Object.fromEntries(Object.keys(all).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, command] of Object.entries(all)) {
      const cost = await timed(command);
      await command.after?.();
      if (round > 0) costs[name]!.push(cost);
    }
  }
  return costs;
}

function tableOf(costs: Record<string, Cost[]>): string {
  const base = costs[reference]!;
  const rows = Object.entries(costs).map(([name, list]) => {
    const walls = list.map(({ wall }) => wall);
    const ratio = median(walls.map((wall, round) => wall / base[round]!.wall));
    const cpu = median(list.map(({ cpu }) => cpu));
    const range = `${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)}`;
    return `| ${name} | ${median(walls).toFixed(2)} | ${range} | ${cpu.toFixed(2)} | ${ratio.toFixed(2)} |`;
  });
  return [
    "| command | median s | range s | CPU s | × empty `pulumi up` |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function header(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `# Commands with nothing to do

${availableParallelism()} cores, ${memory} GB, no GPU, load ${load.toFixed(1)} when it began; ${rounds} rounds, each with every command in turn; a sandbox of three small images and one cache. The ratio is the median of the rounds' ratios. CPU: of all processes, the engine's not counted. Made by \`bench/preview/measure.ts\`.`;
}
