import { createHash } from "node:crypto";
import { execa } from "execa";
import { engineAt, type Engine } from "../../lib/docker/engine.ts";
import { askForecast, type AskedForecast } from "../../lib/images/ask-forecast.ts";
import { BuildRun } from "../../lib/images/build-run.ts";
import { readRun, type ImageEvent } from "../../lib/images/history.ts";
import { neededText } from "../../lib/images/needed.ts";
import { planStack } from "../../lib/images/plan-stack.ts";
import type { ImagePlan } from "../../lib/images/types.ts";
import { bytesOf } from "../../lib/settings/quantities.ts";
import type { Settings } from "../../lib/settings/settings.ts";
import { image, type ImageState } from "../../provider/image.ts";

type Inputs = Parameters<typeof image.create>[1];

/** What a preview says. */
export interface Preview {
  forecast: AskedForecast;
  /** Images whose resource Pulumi would create or update. */
  changed: string[];
}

/** A stack without Pulumi's engine: the same plan, the same provider, and the state in memory. */
export class GraphStack {
  readonly states = new Map<string, ImageState>();
  private runs = 0;

  /** @param settings as they are now */
  async plan(settings: Settings): Promise<ImagePlan[]> {
    return (await planStack(settings)).plan.all;
  }

  async preview(settings: Settings): Promise<Preview> {
    const plan = await this.plan(settings);
    const engine = engineAt(settings.engine.host);
    const changed: string[] = [];
    for (const wanted of plan) {
      const state = this.states.get(wanted.name);
      const live = state && (await image.read("id", "urn", state))?.props;
      const inputs = await this.inputs(wanted, plan, settings, live);
      if (!live || (await image.diff("id", "urn", live, inputs)).changes) changed.push(wanted.name);
    }
    const { stack, stateDir } = settings;
    return {
      forecast: await askForecast({ stack, stateDir, plan, engine, previous: this.states }),
      changed,
    };
  }

  /** Refreshes, then creates, updates and deletes as Pulumi would. Returns what the history says of it. */
  async up(settings: Settings): Promise<ImageEvent[]> {
    const plan = await this.plan(settings);
    const session = { signal: new AbortController().signal, log: async () => {}, run: new BuildRun() };
    process.env.GPU_BUILD_HOST_RUN = `run ${++this.runs}`;
    for (const [name, state] of this.states) {
      const live = (await image.read("id", "urn", state))?.props;
      if (live) this.states.set(name, live);
      else this.states.delete(name);
    }
    for (const wanted of plan) {
      const state = this.states.get(wanted.name);
      const inputs = await this.inputs(wanted, plan, settings, state);
      if (!state) this.states.set(wanted.name, (await image.create("urn", inputs, session)).outs);
      else if ((await image.diff("id", "urn", state, inputs)).changes)
        this.states.set(wanted.name, (await image.update("id", "urn", state, inputs, session)).outs);
    }
    const gone = [...this.states].filter(([name]) => !plan.some((wanted) => wanted.name === name));
    for (const [name, state] of gone.reverse()) {
      await image.delete("id", "urn", state, session);
      this.states.delete(name);
    }
    return readRun(settings.stateDir, settings.stack, process.env.GPU_BUILD_HOST_RUN);
  }

  /** As the resource's constructor hands them over. */
  private async inputs(
    { reference, tags, hash, parts, smokeTest, ...build }: ImagePlan,
    plan: ImagePlan[],
    settings: Settings,
    olds: ImageState | undefined,
  ): Promise<Inputs> {
    const news: Inputs = {
      stack: settings.stack,
      dockerHost: settings.engine.host,
      stateDir: settings.stateDir,
      keep: settings.keepVersions,
      keepStorage: bytesOf(settings.keepStorage) ?? 0,
      needed: neededText(plan.map((wanted) => wanted.reference)),
      adoptTags: settings.adoptTags,
      reference,
      tags,
      hash,
      parts,
      ...(smokeTest && { smokeTest }),
      build,
    };
    const { inputs, failures } = await image.check("urn", olds, news);
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return inputs;
  }
}

const contents = new Map<string, Promise<string>>();

/** Everything that a container of an image would see, in one text: files with modes, and the configuration. Times are left out. */
export function contentOf(imageId: string, engine: Engine): Promise<string> {
  let content = contents.get(imageId);
  if (!content) contents.set(imageId, (content = readContent(imageId, engine)));
  return content;
}

async function readContent(imageId: string, engine: Engine): Promise<string> {
  const env = { DOCKER_HOST: engine.host };
  const list =
    "find / -xdev -type f ! -path '/etc/host*' ! -path /etc/resolv.conf -exec md5sum {} + | sort; find / -xdev -mindepth 2 -exec stat -c '%a %u %g %N' {} + | sort";
  const files = await execa(
    "docker",
    ["run", "--rm", "--network=none", "--user=0", "--workdir=/", "--entrypoint=/bin/sh", imageId, "-c", list],
    { env },
  );
  const config = await execa("docker", ["image", "inspect", "--format={{json .Config}}", imageId], { env });
  return createHash("sha256").update(files.stdout).update(config.stdout).digest("hex");
}
