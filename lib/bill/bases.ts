import type { Engine } from "../docker/engine.ts";
import { unknownDigest } from "../images/image-reference.ts";
import type { CacheRecord } from "../prune/build-cache.ts";
import type { RegistryOptions } from "../registry/manifest-digest.ts";
import { missingLayers, packedImage } from "./image-layers.ts";
import { layersInCache } from "./registry-volume.ts";

/** An external image below the stack's, and what of it comes from where. */
export interface BilledBase {
  /** e.g. `"nvidia/cuda:12.8.1-base-ubuntu22.04"` */
  name: string;
  /** Images that stand on it. */
  images: string[];
  /** Bytes that the engine lacks, packed; undefined where the registry does not say. */
  missing?: number;
  /** Bytes that the registry cache has of them. */
  fromCache?: number;
  /** Bytes from outside; null where nobody knows. */
  outside: number | null;
  why: string;
}

/** What is asked about one external image. */
export interface BaseQuestion {
  /** By digest, as BuildKit pulls it: `"127.0.0.1:5000/nvidia/cuda@sha256:…"`. */
  pull: string;
  name: string;
  /** By digest at its own registry. */
  reference: string;
  platform: string;
  images: string[];
}

/** Where it is asked. */
export interface BaseSources {
  stateDir: string;
  registry: RegistryOptions;
  engine?: Engine | undefined;
  /** Layers of the engine's images, lowest first. */
  chains: string[][];
  records: CacheRecord[];
}

/** Finds out what of an external image has to be fetched; never fetches a layer, never throws. */
export async function billBase(question: BaseQuestion, sources: BaseSources): Promise<BilledBase> {
  const { name, images, pull } = question;
  const digest = pull.slice(pull.indexOf("@"));
  if (digest === `@${unknownDigest}`) return { name, images, outside: null, why: "its digest is not known" };
  // BuildKit unpacks what it has pulled; the name of the record tells the digest.
  const isPulled = sources.records.some(
    ({ description = "" }) => description.startsWith("pulled from ") && description.includes(digest),
  );
  if (isPulled) return { name, images, missing: 0, outside: 0, why: "BuildKit has it" };
  try {
    const { layers, smallBytes } = await packedImage(
      question.reference,
      question.platform,
      sources.stateDir,
      sources.registry,
    );
    const lacking = missingLayers(layers, sources.chains);
    const missing = lacking.reduce((sum, { bytes }) => sum + bytes, 0);
    if (missing === 0) return { name, images, missing, outside: 0, why: "the engine has its layers" };
    const port = /:(\d+)\//.exec(pull)?.[1];
    const cached =
      sources.engine && port
        ? await layersInCache(
            sources.engine,
            Number(port),
            lacking.map((layer) => layer.digest),
          )
        : undefined;
    const fromCache = lacking.reduce((sum, layer) => sum + (cached?.has(layer.digest) ? layer.bytes : 0), 0);
    const outside = missing - fromCache + (fromCache === missing ? 0 : smallBytes);
    const why = fromCache > 0 ? "the registry cache has the rest" : "sizes of its layers, from its manifest";
    return { name, images, missing, fromCache, outside, why };
  } catch (error) {
    const why = `its registry does not say (${(error as Error).message.split("\n")[0]})`;
    return { name, images, outside: null, why };
  }
}
