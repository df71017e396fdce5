import { emptyLedger, type TagLedger } from "../../lib/images/tag-ledger.ts";
import type { EngineContent } from "../../lib/prune/content.ts";
import type { planPrune, PruneOptions } from "../../lib/prune/plan.ts";

export const day = 86_400_000;
export const now = 1_000 * day;

export interface MadeImage {
  tags: string[];
  /** Bytes by name, lowest first. */
  layers: Record<string, number>;
  /** Days since it was made. @default 100 */
  days?: number;
}

/** An engine with these images. */
export function content(images: MadeImage[], more: Partial<EngineContent> = {}): EngineContent {
  return {
    images: images.map(({ tags, layers, days = 100 }, index) => ({
      id: `id${index}`,
      tags,
      size: Object.values(layers).reduce((a, b) => a + b, 0),
      created: now - days * day,
      named: now - days * day,
    })),
    layers: images.map(({ layers }, index) => ({
      id: `id${index}`,
      layers: Object.entries(layers).map(([chain, bytes]) => ({ chain, bytes })),
    })),
    containers: [],
    cache: [],
    volumes: [],
    adopted: [],
    disk: { images: 0, cache: 0 },
    isExact: true,
    ...more,
  };
}

export function ledgerWith(more: Partial<TagLedger>): TagLedger {
  return { ...emptyLedger(), ...more };
}

export const options: PruneOptions = {
  settings: new Map([["dev", { versions: 2, storage: 1e9 }]]),
  stacksWithState: new Set(),
  volumes: false,
  olderThan: 14 * day,
  keepBytes: 1e12,
  now,
};

export const removed = (plan: ReturnType<typeof planPrune>) =>
  plan.items.map(({ name, bytes }) => `${name} ${bytes}`);

/** Four versions of one image, the newest first. */
export const fourVersions: MadeImage[] = [
  { tags: ["app:1", "localhost:1/dev/app:d"], layers: { base: 50, d: 4 }, days: 1 },
  { tags: ["localhost:1/dev/app:c"], layers: { base: 50, c: 3 }, days: 2 },
  { tags: ["localhost:1/dev/app:b"], layers: { base: 50, b: 20 }, days: 3 },
  { tags: ["localhost:1/dev/app:a"], layers: { base: 50, a: 100 }, days: 4 },
];
export const order = { "dev/app": ["d", "c", "b", "a"].map((hash) => `localhost:1/dev/app:${hash}`) };
