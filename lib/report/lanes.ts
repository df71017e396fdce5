import type { Span } from "./types.ts";

/** A span that has no line yet. */
export type UnplacedSpan = Omit<Span, "lane">;

/** Seconds by which two spans may overlap and still lie on one line: clocks and rounding. */
const tolerance = 0.02;

/** Seconds below which a span is a mark that covers nothing, such as a step from the cache. */
const moment = 0.05;

/** Puts spans on as few lines as they need so that none covers another, in the order in which they begin. */
export function inLanes(spans: UnplacedSpan[]): Span[] {
  const ends: number[] = [];
  return [...spans]
    .sort((a, b) => a.start - b.start || b.seconds - a.seconds)
    .map((span) => {
      if (span.seconds < moment) return { ...span, lane: 0 };
      const free = ends.findIndex((end) => end <= span.start + tolerance);
      const lane = free < 0 ? ends.length : free;
      ends[lane] = span.start + span.seconds;
      return { ...span, lane };
    });
}
