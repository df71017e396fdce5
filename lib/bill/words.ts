import prettyBytes from "pretty-bytes";
import type { Bill, BillPart } from "./types.ts";

/** The bill in a few short lines for a terminal. */
export function billLines(bill: Bill): string[] {
  const { fetch, disk, minutes, shared } = bill;
  const lines = [fetchLine(bill)];
  for (const line of fetch.unknown) lines.push(`unknown: ${line}`);
  if (disk.bytes !== null) {
    const left =
      disk.left === null ? "" : `, ${disk.left < 0 ? "short by" : "left"} ${size(Math.abs(disk.left))}`;
    const open = disk.unknown.length > 0 ? " and what is unknown" : "";
    lines.push(`disk ${size(disk.bytes)}${open}${left}`);
  }
  if (minutes.value !== null)
    lines.push(
      `about ${minutes.value} min (${minutes.basis === "history" ? minutes.why : `an estimate: ${minutes.why}`})`,
    );
  if (shared.bytes > 0) lines.push(`reused layers ${size(shared.bytes)}${sharedStacks(bill)}`);
  if (bill.basis === "nothing here") lines.push("counted for a machine that has nothing yet");
  return lines;
}

/** What to warn of where it does not fit; undefined where it does. */
export function diskWarning({ disk }: Bill): string | undefined {
  if (disk.fits || disk.bytes === null || disk.available === null) return undefined;
  return `the build needs ${size(disk.bytes)} of disk and ${size(disk.available)} are free; make room (npm run prune shows what can go)`;
}

function fetchLine({ fetch }: Bill): string {
  const images = fetch.parts.filter(({ kind }) => kind === "layers");
  const imageBytes = images.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const others = fetch.parts.filter(({ kind, bytes }) => kind !== "layers" && bytes !== null);
  const largest = [...others].sort((a, b) => b.bytes! - a.bytes!);
  const shown = largest.slice(0, 3).map((part) => `${part.what} ${size(part.bytes!)}`);
  const rest = largest.slice(3).reduce((sum, { bytes }) => sum + bytes!, 0);
  const cached = fetch.fromCache > 0 ? ` (the cache has ${size(fetch.fromCache)})` : "";
  const parts = [
    ...shown,
    ...(rest > 0 ? [`other ${size(rest)}`] : []),
    ...(images.length > 0 || cached ? [`images ${imageText(images, imageBytes)}${cached}`] : []),
  ];
  const held = fetch.held > 0 ? `; kept from earlier builds ${size(fetch.held)}` : "";
  return `to fetch ${size(fetch.bytes)}${parts.length > 0 ? `: ${parts.join(", ")}` : ""}${held}`;
}

function imageText(images: BillPart[], bytes: number): string {
  return images.some((part) => part.bytes === null) && bytes === 0 ? "of unknown size" : size(bytes);
}

function sharedStacks({ shared }: Bill): string {
  if (shared.stacks.length === 0) return "";
  return `; with ${shared.stacks.map(({ stack, bytes }) => `${stack} ${size(bytes)}`).join(", ")}`;
}

function size(bytes: number): string {
  return prettyBytes(bytes, { maximumFractionDigits: bytes < 10e9 && bytes >= 1e9 ? 1 : 0 });
}
