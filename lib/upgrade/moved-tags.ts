import { unknownDigest } from "../images/image-reference.ts";
import type { StackPlan } from "../images/plan-stack.ts";
import { upstreamsOf } from "../registry/cache-settings.ts";
import { fetchManifestDigest } from "../registry/manifest-digest.ts";
import type { Settings } from "../settings/settings.ts";

/** Longest wait for one registry, in milliseconds. */
const limitMs = 2_000;

/**
 * A line for each external image whose tag means another image today than in `images.lock.yaml`, and one for those whose registry
 * gives no answer. Asks for manifests by HEAD: nothing is downloaded.
 */
export async function movedTags(
  settings: Settings,
  planned: Pick<StackPlan, "plan" | "cacheImage">,
  ask = (reference: string) =>
    fetchManifestDigest(reference, { ...upstreamsOf(settings), timeoutMs: limitMs, briefly: true }),
): Promise<string[]> {
  if (settings.sandbox) return []; // its stand-ins are made on this machine
  const silent: string[] = [];
  const found = await Promise.all(
    [...lockedImages(settings, planned)].map(async ([reference, locked]) => {
      const today = await ask(reference).catch(() => undefined);
      if (today === undefined) silent.push(reference);
      return today === undefined || today === locked
        ? []
        : [
            `${reference} is another image today (${short(today)}) than the one that builds stand on (${short(locked)} in images.lock.yaml): take it with npm run lock -- digests --stack ${settings.stack}`,
          ];
    }),
  );
  const noAnswer =
    silent.length > 0
      ? [
          `whether ${silent.sort().join(" and ")} moved since images.lock.yaml could not be asked: no answer of the registry in ${limitMs / 1000} s`,
        ]
      : [];
  return [...found.flat(), ...noAnswer];
}

/** Digest of each external image that has a tag, by reference. */
function lockedImages(
  { registryCache }: Settings,
  { plan, cacheImage }: Pick<StackPlan, "plan" | "cacheImage">,
): Map<string, string> {
  const prefix = "external ";
  const locked = plan.all.flatMap(({ parts }) =>
    Object.entries(parts).flatMap(([key, digest]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), digest] as const] : [],
    ),
  );
  const cache = cacheImage.split("@")[1];
  const all = [...locked, ...(cache ? [[registryCache.image, cache] as const] : [])];
  return new Map(all.filter(([reference, digest]) => !reference.includes("@") && digest !== unknownDigest));
}

/** The beginning of a digest, as `docker images --digests` is read. */
function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}
