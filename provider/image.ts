import { engineAt } from "../lib/docker/engine.ts";
import { fromList } from "../lib/docker/listed-images.ts";
import { secretProblems } from "../lib/images/build-secrets.ts";
import type { ImageResource } from "../lib/images/image-resource.ts";
import { liveFacts, wantedFacts } from "../lib/images/live-facts.ts";
import { outdatedContainers, outdatedLines } from "../lib/images/outdated-containers.ts";
import { asPromoted } from "../lib/images/promoted.ts";
import { realiseImage } from "../lib/images/realise.ts";
import { removeImage } from "../lib/images/remove-image.ts";
import { runLine } from "../lib/report/run-lines.ts";
import { imageRunOf } from "../lib/report/runs.ts";
import type { ResourceHandler, Session } from "./resource-handler.ts";

/** Inputs of an Image, and what the state keeps: the same keys, so that a preview shows drift as `old => live`. */
export interface ImageState extends ImageResource {
  /** How names and layers should stand (inputs) or do stand (outputs). */
  live: Record<string, string>;
}

type ImageInputs = ImageResource & { live?: Record<string, string> };

/** Only these make an update; the rest (paths, ports, pins) says how, not what. */
const compared = ["hash", "reference", "keep", "keepStorage", "parts", "tags", "live"] as const;

/** The resource Image: an image under its hash reference, with friendly tags. Every change is an update in place. */
export const image: ResourceHandler<ImageInputs, ImageState> = {
  async check(_urn, olds, news) {
    const failures: { property: string; reason: string }[] = [];
    for (const key of ["stack", "dockerHost", "stateDir", "reference", "hash"] as const)
      if (typeof news[key] !== "string" || news[key] === "")
        failures.push({ property: key, reason: "must be known text" });
    if (!Array.isArray(news.tags)) failures.push({ property: "tags", reason: "must be a list of tags" });
    if (!Number.isInteger(news.keep) || news.keep < 1)
      failures.push({ property: "keep", reason: `must be at least 1, got ${news.keep}` });
    if (!news.build?.name) failures.push({ property: "build", reason: "must say how the image is built" });
    if (failures.length > 0) return { inputs: news, failures };
    // Only where a build may come: an unchanged stack must not ask for tokens.
    if (olds?.hash !== news.hash && !news.build.mustExist)
      for (const reason of secretProblems(news.build.name, news.build.secrets ?? {}))
        failures.push({ property: "build.secrets", reason });
    return { inputs: { ...news, live: wantedFacts(news) }, failures };
  },

  async diff(_id, _urn, olds, news) {
    const detailedDiff: Record<string, { kind: "add" | "delete" | "update" }> = {};
    const before = comparable(olds, news);
    for (const key of compared)
      if (!same(before[key], news[key])) detailedDiff[key] = { kind: key in olds ? "update" : "add" };
    if (!same(olds.smokeTest?.command, news.smokeTest?.command)) detailedDiff.smokeTest = { kind: "update" };
    return {
      changes: Object.keys(detailedDiff).length > 0,
      replaces: [],
      deleteBeforeReplace: false,
      detailedDiff,
    };
  },

  async create(urn, inputs, session) {
    return {
      id: `${inputs.stack}/${inputs.build.name}`,
      outs: await realise(urn, inputs, undefined, session),
    };
  },

  async read(id, _urn, props) {
    const engine = engineAt(props.dockerHost);
    const state = await asPromoted(props, engine);
    const live = await liveFacts(state, engine, fromList(engine));
    return live && { id, props: { ...state, live } };
  },

  async update(_id, urn, olds, news, session) {
    return { outs: await realise(urn, news, olds, session) };
  },

  async delete(_id, urn, props, session) {
    const stay = await removeImage(props, engineAt(props.dockerHost));
    if (stay.length > 0)
      await session.log(`left on the engine: ${stay.join("; ")}`, { urn, severity: "warning" });
  },
};

async function realise(
  urn: string,
  inputs: ImageInputs,
  olds: ImageState | undefined,
  session: Session,
): Promise<ImageState> {
  const say = (message: string): void =>
    void session.log(message, { urn, ephemeral: true }).catch(() => undefined);
  const event = await realiseImage(inputs, olds, {
    engine: engineAt(inputs.dockerHost),
    signal: session.signal,
    run: session.run,
    onStep: (step, seconds) => say(`${step} (${Math.round(seconds)} s)`),
    onNote: say,
    onWarning: (message) => void session.log(message, { urn, severity: "warning" }).catch(() => undefined),
  });
  // `npm start` says both in its summary.
  if (!process.env["GPU_BUILD_HOST_RUN"]) {
    const line = runLine(imageRunOf(event));
    if (line !== undefined) await session.log(line, { urn });
    await sayOutdated(urn, inputs, session);
  }
  return { ...inputs, live: (await liveFacts(inputs, engineAt(inputs.dockerHost))) ?? {} };
}

async function sayOutdated(urn: string, inputs: ImageInputs, session: Session): Promise<void> {
  const image = { name: inputs.build.name, tags: inputs.tags, reference: inputs.reference };
  const containers = await outdatedContainers(inputs.stack, [image], engineAt(inputs.dockerHost));
  if (containers.length > 0) await session.log(outdatedLines(containers).join("\n"), { urn });
}

/** Of the facts only those that are wanted: a pinned version stays whatever it stands on. */
function comparable(olds: ImageState, { live }: ImageInputs): ImageState {
  if (!live) return olds;
  const facts = Object.entries(olds.live ?? {}).filter(([fact]) => fact in live);
  return { ...olds, live: Object.fromEntries(facts) };
}

/** Equality of plain values whatever the order of keys. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value ?? null;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]),
  );
}
