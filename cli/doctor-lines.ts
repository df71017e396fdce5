import type { Check } from "../lib/doctor/types.ts";

/** Prints a line for each check, and a second one with what mends it. */
export function printChecks(checks: Check[]): void {
  const width = Math.max(0, ...checks.map(({ id }) => id.length));
  for (const { id, status, line, fix } of checks) {
    console.log(`${status.padEnd(4)} ${id.padEnd(width)}  ${line}`);
    if (fix && status !== "OK") console.log(`${" ".repeat(width + 7)}fix: ${fix}`);
  }
}

/** e.g. `"38 checks: 30 OK, 1 WARN, 7 SKIP"`. */
export function countsLine(checks: Check[]): string {
  const counts = ["OK", "WARN", "FAIL", "SKIP"]
    .map((status) => ({ status, count: checks.filter((check) => check.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => `${count} ${status}`);
  return `${checks.length} checks: ${counts.join(", ")}`;
}
