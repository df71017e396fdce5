import { Command } from "commander";
import { pinKey, neededImages } from "../../lib/cache-store/needed.ts";
import { makeRoom } from "../../lib/cache-store/room.ts";
import type { CacheVolume } from "../../lib/cache-store/volume.ts";
import { warmImage, type Warmed, type WarmWish } from "../../lib/cache-store/warm.ts";
import { UserError } from "../../lib/errors.ts";
import { familiarName, parseReference, type ImageReference } from "../../lib/images/image-reference.ts";
import { ImageLockFile } from "../../lib/images/lock-file.ts";
import { buildPlatform } from "../../lib/images/plan.ts";
import { stackOption } from "../options.ts";
import { changing, withCaches, type OpenCaches } from "./open.ts";
import { counted, size } from "./words.ts";

interface WarmOptions {
  stack: string;
  json: boolean;
}

interface Wish extends WarmWish {
  volume: CacheVolume;
}

type Outcome = { name: string } & (Warmed | { problem: string });

/** `npm run cache -- warm` */
export function warmCommand(): Command {
  return new Command("warm")
    .description(
      [
        "Has the caches fetch images before they are needed, by the digests of the lock file and past the engine. Without names: every external image that the stack stands on.",
        "What a cache has already is not fetched again, so a run that was stopped (Ctrl-C) goes on with the layer that it was at. Every byte is compared with its digest. registryCache.maxSize is kept.",
      ].join("\n"),
    )
    .argument("[images...]", "such as nvidia/cuda:12.8.1-base-ubuntu22.04 or busybox@sha256:…")
    .addOption(stackOption())
    .option("--json", "print {images: [{name, digest, fetched, present} or {name, problem}]}", false)
    .action((names: string[], options: WarmOptions) =>
      withCaches(options.stack, async (open) => {
        const { wishes, passed } = await wishesOf(names, open);
        const outcomes: Outcome[] = [];
        await changing(open, async () => {
          for (const wish of wishes) outcomes.push(await warmOne(wish, open));
        });
        open.progress.stop();
        if (options.json) console.log(JSON.stringify({ images: outcomes }, undefined, 2));
        else console.log([...outcomes.map(line), ...passed, total(outcomes)].join("\n"));
        if (outcomes.some((outcome) => "problem" in outcome)) process.exitCode = 1;
      }),
    );
}

/** @throws UserError for a name that is no image, or that no cache of the stack is for. */
async function wishesOf(
  names: string[],
  { settings, volumes }: OpenCaches,
): Promise<{ wishes: Wish[]; passed: string[] }> {
  const locked = (await ImageLockFile.open(settings.imagesLockFile)).entries();
  const wanted =
    names.length > 0
      ? names.map((name) => {
          const reference = parseReference(name);
          if (!reference) throw new UserError(`"${name}" is no image reference`);
          return { name, reference, digest: reference.digest ?? locked[familiarName(reference)] };
        })
      : await neededImages(settings);
  const wishes: Wish[] = [];
  const passed: string[] = [];
  for (const { name, reference, digest } of wanted) {
    const volume = volumes.find(({ registry }) => registry === reference.host);
    if (volume) {
      const version = digest ?? reference.tag ?? "latest";
      wishes.push({ name, repository: reference.repository, version, platform: buildPlatform, volume });
    } else if (names.length > 0) throw new UserError(noCache(name, reference));
    else passed.push(`${name}: ${noCache(name, reference)}`);
  }
  return { wishes, passed };
}

function noCache(name: string, { host }: ImageReference): string {
  return `no cache of this stack is for ${host}, where ${name} lies; registryCache.registries can have one`;
}

async function warmOne({ volume, ...wish }: Wish, open: OpenCaches): Promise<Outcome> {
  const { volumes, pins, limit, clientOf, signal, progress } = open;
  const step = `warm ${wish.name}`;
  progress.step(step, "reading its manifest");
  try {
    const warmed = await warmImage(wish, {
      ...{ client: clientOf(volume), volume, signal },
      makeRoom: (bytes) => makeRoom(bytes, { volumes, pins, limit, clientOf, signal, volume, size }),
      onProgress: (done, all) => progress.step(step, `${size(done)} of ${size(all)}`),
    });
    // What was just warmed does not go to make room for the next one.
    pins.names.set(pinKey(volume.registry, wish.repository, warmed.digest), wish.name);
    progress.done(step);
    return { name: wish.name, ...warmed };
  } catch (error) {
    signal.throwIfAborted();
    progress.done(step, "failed");
    if (!(error instanceof UserError)) throw error;
    return { name: wish.name, problem: error.message };
  }
}

function line(outcome: Outcome): string {
  if ("problem" in outcome) return `FAILED ${outcome.problem}`;
  const { name, fetched, present } = outcome;
  if (fetched === 0) return `there   ${name} (${size(present)})`;
  return `fetched ${name} (${size(fetched)}${present > 0 ? `; ${size(present)} were there` : ""})`;
}

function total(outcomes: Outcome[]): string {
  const good = outcomes.flatMap((outcome) => ("problem" in outcome ? [] : [outcome]));
  const fetched = good.reduce((sum, outcome) => sum + outcome.fetched, 0);
  const failed = outcomes.length - good.length;
  return `${counted(good.length, "image")} in the cache, ${size(fetched)} fetched${failed > 0 ? `; ${failed} failed` : ""}.`;
}
