import type { ImageEvent } from "../images/history.ts";
import type { BuildNote } from "./build-notes.ts";
import type { BilledImage, RunningStep } from "./steps-to-run.ts";
import type { Bill } from "./types.ts";

/** What is read of an earlier build. */
export type TimedEvent = Pick<
  ImageEvent,
  "image" | "result" | "steps" | "buildSeconds" | "smokeSeconds" | "reference"
>;

/** Assumed where this host has built nothing like it: a line of 200 Mbit/s, and a disk on which 100 MB of files a second unpack. */
const fetchedPerSecond = 25e6;
const unpackedPerSecond = 100e6;
const secondsPerStep = 3;

/**
 * Minutes until all is built and tried. Images that do not stand on each other are built at the same time, so the longest
 * way through the tree counts.
 */
export function minutesOf(
  facts: { images: BilledImage[]; events: TimedEvent[]; notes: BuildNote[] },
  running: RunningStep[],
  fetchBytes: number,
  diskBytes: number,
): Bill["minutes"] {
  const built = facts.images.filter(({ isBuilt }) => isBuilt);
  if (built.length === 0) return { value: null, basis: "estimate", why: "nothing is built" };
  const seconds = new Map<string, number>();
  let isEstimate = false;
  for (const { name, build, parents } of facts.images) {
    const before = Math.max(0, ...parents.map((parent) => seconds.get(parent) ?? 0));
    let own = 0;
    if (built.some((image) => image.name === name)) {
      const event = facts.events.findLast(({ image, result }) => image === name && result === "built");
      const known = running.filter((one) => one.image === name).map((one) => timeOf(one, event, facts.notes));
      if (known.some((time) => time === undefined)) isEstimate = true;
      own = known.reduce<number>((sum, time) => sum + (time ?? 0), 0);
      own += (event?.smokeSeconds ?? 0) + overhead(event);
      if (build.steps.length === 0) isEstimate = true;
    }
    seconds.set(name, before + own);
  }
  if (isEstimate) {
    const steps = running.length * secondsPerStep;
    const value = (fetchBytes / fetchedPerSecond + diskBytes / unpackedPerSecond + steps) / 60;
    return {
      value: round(value),
      basis: "estimate",
      why: "not built on this host before: taken as 25 MB fetched and 100 MB unpacked a second",
    };
  }
  return {
    value: round(Math.max(...seconds.values()) / 60),
    basis: "history",
    why: "as the same steps took on this host",
  };
}

/** Seconds of a step in an earlier build; of one that installs, by how much more or less it is now. */
function timeOf(
  { step, fetched, held }: RunningStep,
  event: TimedEvent | undefined,
  notes: BuildNote[],
): number | undefined {
  const noted = notes.flatMap((note) => note.steps).filter(({ ran, seconds }) => ran && seconds > 0);
  const same = noted.findLast(({ work }) => work === step.work);
  if (same) return same.seconds;
  const alike = noted.findLast(({ text }) => text === step.text);
  if (alike) {
    const now = [...fetched, ...held].reduce((sum, { bytes = 0 }) => sum + bytes, 0);
    return alike.seconds * (alike.packages && now > 0 ? now / alike.packages : 1);
  }
  const plain = (text: string): string => text.replace(/^\[[^\]]*\]\s*/, "").replace(/\W+/g, "");
  const reported = event?.steps.find(
    ({ name, cached }) => !cached && plain(name).endsWith(plain(step.text).slice(4)),
  );
  if (reported) return reported.seconds;
  return step.text.startsWith("RUN") ? undefined : 1;
}

/** What a build took beside its steps: reading files, writing the image. */
function overhead(event: TimedEvent | undefined): number {
  if (!event) return 5;
  const steps = event.steps.filter(({ cached }) => !cached).reduce((sum, { seconds }) => sum + seconds, 0);
  return Math.min(120, Math.max(1, event.buildSeconds - steps));
}

function round(minutes: number): number {
  return minutes < 10 ? Math.ceil(minutes * 10) / 10 : Math.ceil(minutes);
}
