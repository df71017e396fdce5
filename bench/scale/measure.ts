// How the time of a run grows with the stack: many services, a large context; see README.md.
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { Project, smallBase } from "../../tests/integration/project.ts";
import { median } from "../figures.ts";
import { EmptyProgram } from "../preview/empty-program.ts";
import { timed, type Command, type Cost } from "../preview/timed.ts";

const results = join(import.meta.dirname, "..", "results");
const rounds = Number(process.env["ROUNDS"] ?? 5);
const many = Number(process.env["SERVICES"] ?? 100);
const contextBytes = 10e9;
const titles = {
  one: "1 service: pulumi up, nothing changed",
  onePreview: "1 service: pulumi preview, one file has changed",
  firstRead: "1 service that copies 10 GB: first pulumi preview",
  large: "1 service that copies 10 GB: pulumi preview again",
  many: `${many} services: pulumi up, nothing changed`,
  manyPreview: `${many} services: pulumi preview, nothing changed`,
  oneOfMany: `${many} services: pulumi preview, one has changed`,
  pulumiAlone: `Pulumi alone, ${many} components of one command that does nothing: pulumi preview`,
};

/** A row of the table. */
interface Row {
  what: string;
  costs: Cost[];
}

const load = loadavg()[0]!;
const project = new Project();
try {
  const rows = await measure();
  const text = `${header()}\n\n${tableOf(rows)}\n\n${verdictsOf(rows)}\n`;
  console.log(text);
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, "scale.md"), text);
  writeFileSync(
    join(results, "scale.json"),
    `${JSON.stringify({ rounds, services: many, load, rows }, null, 2)}\n`,
  );
} finally {
  await project.remove();
}

async function measure(): Promise<Row[]> {
  const rows: Row[] = [];
  const add = async (what: string, command: Command, prepare: (round: number) => void = () => {}) => {
    const costs: Cost[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      prepare(round);
      const cost = await timed(command);
      if (round > 0) costs.push(cost); // the first one warms up
    }
    rows.push({ what, costs });
    console.log(`${what}: ${costs.map(({ wall }) => wall.toFixed(2)).join(", ")} s`);
  };
  declareServices(1);
  await project.start();
  const up = await pulumi("up", "--yes", "--skip-preview");
  const preview = await pulumi("preview");
  await add(titles.one, up);

  project.write(dataOf(1), "new");
  await add(titles.onePreview, preview);
  // Without room on the disk, and all the same 10 GB to read. Only previews: nothing of it is built.
  const large = join(project.root, "services", "s1", "weights.bin");
  writeFileSync(large, "");
  truncateSync(large, contextBytes);
  project.write("services/s1/Dockerfile", "FROM cuda-base:runtime-12.6\nCOPY . /data\n");
  rows.push({ what: titles.firstRead, costs: [await timed(preview)] });
  await add(titles.large, preview);
  rmSync(large);

  declareServices(many);
  await project.start();
  await add(titles.many, up);
  await add(titles.manyPreview, preview);
  await add(titles.oneOfMany, preview, (round) => project.write(dataOf(Math.ceil(many / 2)), `new ${round}`));
  const alone = await EmptyProgram.make(project, many);
  try {
    await timed(alone.command("up", "--yes", "--skip-preview"));
    await add(titles.pulumiAlone, alone.command("preview"));
  } finally {
    alone.remove();
  }
  return rows;
}

function dataOf(number: number): string {
  return `services/s${number}/data`;
}

/** Services of one small file each: what is measured is the stack, not the builds. */
function declareServices(count: number): void {
  const names = Array.from({ length: count }, (_, index) => `s${index + 1}`);
  for (const [index, name] of names.entries()) {
    project.write(`services/${name}/Dockerfile`, "FROM cuda-base:runtime-12.6\nCOPY data /data\n");
    project.write(dataOf(index + 1), name);
  }
  project.configure("sandbox", {
    sandbox: true,
    cudaBase: { cuda: "12.6", image: smallBase },
    services: Object.fromEntries(names.map((name) => [name, { context: `services/${name}` }])),
  });
}

async function pulumi(...args: string[]): Promise<Command> {
  const env = { ...project.env, ...(await project.variables()) };
  return {
    args: ["pulumi", ...args, "--stack", "sandbox", "--non-interactive"],
    cwd: project.root,
    env,
  };
}

function wallOf(rows: Row[], what: string): number {
  return median(rows.find((row) => row.what === what)!.costs.map(({ wall }) => wall));
}

function tableOf(rows: Row[]): string {
  const reference = wallOf(rows, titles.one);
  const lines = rows.map(({ what, costs }) => {
    const walls = costs.map(({ wall }) => wall);
    const range =
      costs.length > 1 ? `${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)}` : "once";
    const cpu = median(costs.map(({ cpu }) => cpu));
    const middle = median(walls);
    return `| ${what} | ${middle.toFixed(2)} | ${range} | ${cpu.toFixed(2)} | ${(middle / reference).toFixed(2)} |`;
  });
  return ["| | median s | range s | CPU s | × 1 service |", "| --- | --- | --- | --- | --- |", ...lines].join(
    "\n",
  );
}

/** The goals, from the medians. */
function verdictsOf(rows: Row[]): string {
  const one = wallOf(rows, titles.one);
  const perService = ((wallOf(rows, titles.many) - one) / (many - 1)) * 1000;
  const preview = wallOf(rows, titles.oneOfMany);
  const alone = wallOf(rows, titles.pulumiAlone);
  const large = wallOf(rows, titles.large) - wallOf(rows, titles.onePreview);
  const firstRead = wallOf(rows, titles.firstRead);
  const verdict = (isMet: boolean) => (isMet ? "met" : "not met");
  return [
    "| goal | | measured |",
    "| --- | --- | --- |",
    `| nothing changed grows by at most 40 ms a service | ${verdict(perService <= 40)} | ${perService.toFixed(0)} ms |`,
    `| preview of one change among ${many} services under 5 s | ${verdict(preview < 5)} | ${preview.toFixed(1)} s; Pulumi alone takes ${alone.toFixed(1)} s for as many |`,
    `| 10 GB that have not changed are not read again | ${verdict(large < 1)} | ${large.toFixed(2)} s more than without them; the first preview took ${firstRead.toFixed(0)} s |`,
  ].join("\n");
}

function header(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `# How a run grows with the stack

${availableParallelism()} cores, ${memory} GB, no GPU, load ${load.toFixed(1)} when it began; medians of ${rounds} rounds; a sandbox of small images. CPU: of all processes, the engine's not counted. Made by \`bench/scale/measure.ts\`.`;
}
