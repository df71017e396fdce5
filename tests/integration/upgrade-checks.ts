import assert from "node:assert/strict";
import Table from "cli-table3";
import type { Plan, Upgrade } from "./upgrade-host.ts";

/** Built is what the plan said, and the bill is within a quarter of what came. */
export function checkUpgrade({ plan, built, fetched, stored }: Upgrade, expected: string[]): void {
  assert.deepEqual(toBuild(plan), expected);
  assert.deepEqual(built, expected);
  assertNear("bytes to fetch", plan.bill.fetch.bytes, fetched);
  assertNear("bytes of disk", plan.bill.disk.bytes, stored);
}

/** Names of the images that a plan says will be built. */
export function toBuild({ images }: Plan): string[] {
  return images
    .filter(({ will }) => will === "build")
    .map(({ name }) => name)
    .sort();
}

/** Bytes by which a bill may be wrong whatever it comes to: lists of an index and an archive, the engine's own records. */
const smallChange = 25e6;

function assertNear(what: string, said: number | null, came: number): void {
  assert.ok(said !== null, `${what}: not said`);
  const allowed = Math.max(0.25 * came, smallChange);
  assert.ok(Math.abs(said - came) <= allowed, `${what}: said ${gb(said)}, came ${gb(came)}`);
}

/** A line for each upgrade, for the log. */
export function printUpgrades(upgrades: Upgrade[]): void {
  const table = new Table({
    head: [
      "upgrade",
      "listed",
      "built",
      "reused",
      "s",
      "fetch: bill",
      "fetch: came",
      "disk: bill",
      "disk: came",
    ],
    style: { head: [], border: [] },
  });
  for (const { name, plan, built, reused, seconds, fetched, stored } of upgrades)
    table.push([
      name,
      toBuild(plan).length,
      built.length,
      reused.length,
      seconds.toFixed(0),
      gb(plan.bill.fetch.bytes),
      gb(fetched),
      plan.bill.disk.bytes === null ? "unknown" : gb(plan.bill.disk.bytes),
      gb(stored),
    ]);
  console.log(String(table));
}

function gb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(3)} GB`;
}
