import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { copyEarly, withDefault } from "./dockerfile-text.ts";
import { packageCacheBase } from "./upstream.ts";
import type { Way } from "./ways.ts";
import type { CudaSet, Workload } from "./workload.ts";

const repository = join(import.meta.dirname, "..");
const templates = join(import.meta.dirname, "files");

/** What a way's Dockerfiles install with. */
const installers = {
  pip: { UV: "", INSTALL: "pip3 install --no-cache-dir --no-deps --no-build-isolation" },
  uv: {
    UV: "0.13.9",
    INSTALL: "uv pip install --system --break-system-packages --no-cache --no-deps --no-build-isolation",
  },
} as const;

/** What this project needs to run as a stack, without the images' folders. */
const program = [
  "bench",
  "bootstrap",
  "cli",
  "components",
  "lib",
  "package-cache",
  "provider",
  "sandbox",
  "index.ts",
  "package.json",
  "package-lock.json",
  "Pulumi.yaml",
  "tsconfig.json",
];

/** The folder in which one way builds: Dockerfiles, locks and code as a person would have them. */
export class Workspace {
  readonly folder: string;
  private readonly way: Way;
  private readonly workload: Workload;

  /** @param folder is made; it must not exist */
  constructor(folder: string, way: Way, workload: Workload) {
    this.folder = folder;
    this.way = way;
    this.workload = workload;
    mkdirSync(folder, { recursive: true });
    this.writeBases();
    for (const name of ["whisperx", "infinitetalk"] as const) this.writeService(name);
    this.writeOneMore();
    const { tool, files } = way;
    if (tool === "compose")
      cpSync(join(templates, files, "docker-compose.yml"), this.path("docker-compose.yml"));
    if (tool === "compose" && files === "guide")
      cpSync(join(templates, "guide", "scripts"), this.path("scripts"), { recursive: true });
    if (tool === "bake") this.writeBake();
    if (tool === "stack") this.writeProgram();
    this.useSet(workload.first);
  }

  /** Absolute path of a file here. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  read(file: string): string {
    return readFileSync(this.path(file), "utf8");
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }

  /** Adds to the end of a file. */
  append(file: string, text: string): void {
    this.write(file, this.read(file) + text);
  }

  /** What the guide's reader does for another CUDA version: edit the Dockerfile of devel, which names its own image. */
  useSet({ develImage }: CudaSet): void {
    const file = "cuda-base/Dockerfile.devel";
    if (existsSync(this.path(file))) this.write(file, withDefault(this.read(file), "CUDA_DEVEL", develImage));
  }

  /** Another line of whisperx's code. */
  changeCode(): void {
    this.append("services/whisperx/app/main.py", `# changed at ${Date.now()}\n`);
  }

  /** Puts whisperx's code above its packages. @returns puts it back */
  copyCodeEarly(): () => void {
    const file = "services/whisperx/Dockerfile";
    const before = this.read(file);
    this.write(file, copyEarly(before));
    return () => this.write(file, before);
  }

  /** Adds a package to whisperx's lock. */
  changeDependency({ lock }: CudaSet): void {
    this.append(`services/whisperx/locks/${lock}.lock`, `${this.workload.dependency}\n`);
  }

  /** Gives a set's locks another content without another meaning: nothing that was built from them counts. */
  touchLocks({ lock, hasServices }: CudaSet): void {
    const base = ["nvidia", "torch", "python"].map((name) => `cuda-base/locks/${lock}/${name}.lock`);
    const services = ["whisperx", "infinitetalk"].map((name) => `services/${name}/locks/${lock}.lock`);
    for (const file of [...base, ...(hasServices ? services : [])]) this.append(file, "# once more\n");
  }

  private sets(): CudaSet[] {
    return [this.workload.first, this.workload.change, this.workload.second];
  }

  private writeBases(): void {
    const { kind, apt } = this.workload;
    if (kind === "full") cpSync(join(repository, "cuda-base"), this.path("cuda-base"), { recursive: true });
    else cpSync(join(templates, "ours", "cuda-base"), this.path("cuda-base"), { recursive: true });
    for (const { lock, locks } of this.sets())
      for (const name of ["nvidia", "torch", "python"] as const)
        if (locks) this.write(`cuda-base/locks/${lock}/${name}.lock`, locks[name]);
    if (this.way.files !== "guide") return;
    for (const base of ["runtime", "devel"] as const)
      this.writeDockerfile(`cuda-base/Dockerfile.${base}`, `cuda-base/Dockerfile.${base}`, apt[base]);
    // The real base's own test knows its layout, which the guide's bases do not have.
    cpSync(join(templates, "ours", "cuda-base", "smoke-test"), this.path("cuda-base", "smoke-test"), {
      recursive: true,
    });
  }

  private writeService(name: "whisperx" | "infinitetalk"): void {
    const { kind, apt } = this.workload;
    const folder = `services/${name}`;
    if (kind === "full") cpSync(join(repository, folder), this.path(folder), { recursive: true });
    else {
      cpSync(join(templates, "ours", folder), this.path(folder), { recursive: true });
      cpSync(join(templates, "app"), this.path(folder, "app"), { recursive: true });
      if (name === "infinitetalk")
        cpSync(join(templates, "native"), this.path(folder, "native"), { recursive: true });
    }
    for (const { lock, locks } of this.sets())
      if (locks) this.write(`${folder}/locks/${lock}.lock`, locks[name]);
    const { files } = this.way;
    if (files === "guide") this.writeDockerfile(`${folder}/Dockerfile`, `${folder}/Dockerfile`, apt[name]);
    if (files === "before") this.writeDockerfile("Dockerfile", `${folder}/Dockerfile`, apt[`before-${name}`]);
  }

  /** A third service, which is declared only later. */
  private writeOneMore(): void {
    const folder = "services/one-more";
    const { files } = this.way;
    cpSync(join(templates, "app"), this.path(folder, "app"), { recursive: true });
    for (const { lock } of this.sets()) this.write(`${folder}/locks/${lock}.lock`, this.workload.oneMore);
    const template = files === "before" ? "Dockerfile" : "services/whisperx/Dockerfile";
    const apt = files === "before" ? this.workload.apt["before-whisperx"] : "";
    this.writeDockerfile(template, `${folder}/Dockerfile`, apt);
  }

  private writeDockerfile(template: string, file: string, apt: string): void {
    let text = readFileSync(join(templates, this.way.files, template), "utf8");
    for (const [name, value] of Object.entries({ APT: apt, ...installers[this.way.installer] }))
      text = withDefault(text, name, value);
    this.write(file, text);
  }

  /**
   * The repository's own bake file, and a second one with the service that comes later. The compose files give the
   * network: buildx before 0.14 reads none from a bake file.
   */
  private writeBake(): void {
    for (const name of ["docker-bake.hcl", "compose.build.yaml"])
      cpSync(join(repository, "services", name), this.path("services", name));
    const build = { context: "services/one-more", network: "host" };
    this.write("services/one-more.yaml", stringify({ services: { "one-more": { build } } }));
    this.write(
      "services/one-more.hcl",
      [
        'target "one-more" {',
        '  inherits = ["_common"]',
        '  context  = "services/one-more"',
        '  contexts = { "cuda-base:runtime-${CUDA}" = "target:cuda-base-runtime" }',
        "  args     = { CUDA = CUDA, LOCK = LOCK }",
        '  tags     = ["one-more:cu${replace(CUDA, ".", "")}"]',
        "}",
        "",
      ].join("\n"),
    );
  }

  /** A copy of this project, so that the clone's own stacks are left alone. */
  private writeProgram(): void {
    for (const name of program)
      cpSync(join(repository, name), this.path(name), {
        recursive: true,
        filter: (source) => !source.includes(join("bench", "results")),
      });
    if (this.workload.kind === "quick") {
      const file = "package-cache/Dockerfile";
      this.write(file, this.read(file).replace("FROM ${CUDA_BASE}", `FROM ${packageCacheBase}`));
    }
    symlinkSync(join(repository, "node_modules"), this.path("node_modules"));
    this.write(
      "empty-program/Pulumi.yaml",
      stringify({
        name: "empty",
        main: "index.mjs",
        runtime: { name: "nodejs", options: { typescript: false } },
      }),
    );
    this.write("empty-program/index.mjs", 'import "@pulumi/pulumi";\n');
    this.write("empty-program/package.json", '{"name":"empty","type":"module"}\n');
  }
}
