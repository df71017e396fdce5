import prettyBytes from "pretty-bytes";
import type { Finding } from "../doctor/dockerfile-rules/finding.ts";
import type { ImageEvent } from "../images/history-types.ts";
import { reportedStep } from "../images/step-labels.ts";
import { npmCommand } from "../settings/commands.ts";
import type { DockerfileSteps } from "./dockerfile-steps.ts";
import { median } from "./images.ts";
import { inWords } from "./words.ts";
import type { Advice, Disk, PatchAge, Prune } from "./types.ts";

/** Builds that a measurement looks back at. */
const lastBuilds = 5;
/** Seconds of a build that are worth a word. */
const worthSeconds = 1;
/** Share of the disk below which it counts as nearly full. */
const nearlyFull = 0.1;
/** Days after which the distribution's packages count as old: security fixes come every few weeks. */
const oldPatches = 60;
const worthPruning = 1e9;

export interface AdviceFacts {
  stack: string;
  /** Oldest first. */
  events: ImageEvent[];
  /** What the doctor's rules say of the Dockerfiles. */
  findings: Finding[];
  dockerfiles: DockerfileSteps[];
  disk?: Disk;
  prune?: Prune;
  patches: PatchAge[];
}

/** What would save time or room on this host, by what was measured here; the most seconds first, then the most bytes. */
export function adviceFor(facts: AdviceFacts): Advice[] {
  return [...orderAdvice(facts), ...goneAdvice(facts), ...roomAdvice(facts), ...patchAdvice(facts)].sort(
    (a, b) => (b.seconds ?? 0) - (a.seconds ?? 0) || (b.bytes ?? 0) - (a.bytes ?? 0),
  );
}

/** Code above an installation: only where builds show that it did cost time. */
function orderAdvice({ findings, dockerfiles, events }: AdviceFacts): Advice[] {
  return findings.flatMap((finding) => {
    const { cost, file, line, fix } = finding;
    if (!cost) return [];
    return dockerfiles
      .filter((one) => one.file === file)
      .flatMap(({ image, steps }) => {
        const step = steps.find((one) => one.line === cost.line);
        if (!step) return [];
        const builds = events.filter((event) => event.image === image && isOfCode(event)).slice(-lastBuilds);
        const ran = builds.flatMap((event) => {
          const reported = reportedStep(event.steps, step);
          return reported && !reported.cached ? [reported] : [];
        });
        const seconds = median(ran.map((one) => one.seconds));
        if (seconds < worthSeconds) return [];
        const times =
          builds.length === 1
            ? "in the last code change"
            : ran.length === builds.length
              ? `in each of the last ${builds.length} code changes`
              : `in ${ran.length} of the last ${builds.length} code changes`;
        return [{ line: `${cost.what} in ${file}:${line} cost ${inWords(seconds)} ${times}`, fix, seconds }];
      });
  });
}

/** Files that say which packages there are: where one of them changes, the installation has to run. */
const saysPackages =
  /(requirements|constraints)[^/]*\.(txt|in)$|\.lock$|lock\.(json|yaml)$|pyproject\.toml$|setup\.(py|cfg)$|package\.json$|environment\.ya?ml$/;

/** Whether nothing but the service's own files had changed when it was built. */
function isOfCode({ result, reasons }: ImageEvent): boolean {
  return (
    result === "built" &&
    reasons.length > 0 &&
    reasons.every((reason) => /^files?\b/.test(reason) && !saysPackages.test(reason))
  );
}

/** Images that somebody removed and that had to be made again. */
function goneAdvice({ events, stack }: AdviceFacts): Advice[] {
  const gone = events.filter(
    ({ result, reasons }) => result === "built" && reasons.includes("gone from the engine"),
  );
  const images = [...new Set(gone.map(({ image }) => image))];
  if (gone.length < 2) return [];
  const seconds = gone.reduce((sum, { buildSeconds }) => sum + buildSeconds, 0);
  return [
    {
      line: `${images.join(", ")} had to be built again ${gone.length} times because somebody removed them from the engine: ${inWords(seconds)}`,
      fix: `in place of docker system prune: ${npmCommand("npm run prune", stack)}, which leaves what a stack needs`,
      seconds: seconds / gone.length,
    },
  ];
}

function roomAdvice({ disk, prune }: AdviceFacts): Advice[] {
  const advice: Advice[] = [];
  if (disk?.free !== undefined && disk.total && disk.free < disk.total * nearlyFull)
    advice.push({
      line: `only ${size(disk.free)} of ${size(disk.total)} are free on the engine's disk`,
      fix:
        prune && prune.bytes > 0
          ? `${prune.command} frees ${size(prune.bytes)}`
          : "make room, or move the engine's data",
      bytes: disk.free,
    });
  else if (prune && prune.bytes >= worthPruning)
    advice.push({
      line: `${size(prune.bytes)} on the engine are needed by no stack`,
      fix: prune.command,
      bytes: prune.bytes,
    });
  return advice;
}

function patchAdvice({ patches, stack }: AdviceFacts): Advice[] {
  return patches
    .filter(({ days }) => days >= oldPatches)
    .map(({ image, days }) => ({
      line: `the distribution's packages in ${image} are ${days} days old`,
      fix: image.startsWith("cuda-base-")
        ? `npm run lock -- os, then build: ${stack === "sandbox" ? "npm start" : `pulumi up -s ${stack}`}`
        : npmCommand("npm run rebuild", stack, image, "--no-cache"),
    }));
}

function size(bytes: number): string {
  return prettyBytes(bytes, { maximumFractionDigits: 1 });
}
