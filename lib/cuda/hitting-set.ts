/**
 * The smallest set of items that has at least one of each group; of equally small ones that with the least cost.
 *
 * @param groups at most 20 different items in all
 */
export function smallestHittingSet(groups: string[][], costOf: (item: string) => number): string[] {
  const items = [...new Set(groups.flat())]
    .sort((a, b) => costOf(a) - costOf(b) || a.localeCompare(b))
    .slice(0, 20);
  const masks = groups
    .map((group) => group.reduce((mask, item) => mask | (1 << items.indexOf(item)), 0))
    .filter((mask) => mask !== 0);
  for (let size = 0; size <= items.length; size++) {
    let best: { chosen: number; cost: number } | undefined;
    for (const chosen of subsets(items.length, size)) {
      if (!masks.every((mask) => (mask & chosen) !== 0)) continue;
      const cost = items.reduce((sum, item, index) => sum + (chosen & (1 << index) ? costOf(item) : 0), 0);
      if (!best || cost < best.cost) best = { chosen, cost };
    }
    if (best) return items.filter((_, index) => best.chosen & (1 << index));
  }
  return items;
}

function* subsets(count: number, size: number, from = 0, chosen = 0): Generator<number> {
  if (size === 0) {
    yield chosen;
    return;
  }
  for (let index = from; index <= count - size; index++)
    yield* subsets(count, size - 1, index + 1, chosen | (1 << index));
}
