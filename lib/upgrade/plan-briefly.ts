import { familiarName, parseReference, unknownDigest } from "../images/image-reference.ts";
import { planStack, type StackPlan } from "../images/plan-stack.ts";
import { upstreamsOf } from "../registry/cache-settings.ts";
import { fetchManifestDigest } from "../registry/manifest-digest.ts";
import type { Settings } from "../settings/settings.ts";

/** Longest wait for one digest, in milliseconds. */
const limitMs = 2_000;

/**
 * Plans a stack without writing anything, in seconds: a registry that does not answer leaves a digest unknown, and a note says so.
 *
 * @param notes takes a line for each digest that could not be asked for
 */
export function planBriefly(settings: Settings, notes: string[]): Promise<StackPlan> {
  return planStack(settings, {
    isPreview: true,
    askDigest: (reference) =>
      fetchManifestDigest(reference, { ...upstreamsOf(settings), timeoutMs: limitMs, briefly: true }).catch(
        (error: unknown) => {
          const parsed = parseReference(reference);
          notes.push(
            `the digest of ${parsed ? familiarName(parsed) : reference} is not in images.lock.yaml and could not be asked for (${reasonOf(error)}): images on it count as to be built`,
          );
          return unknownDigest;
        },
      ),
  });
}

/** The part in brackets of the message, which says what each address answered. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return /\((.*)\)/s.exec(message)?.[1] ?? message;
}
