import type { Bill } from "../lib/bill/types.ts";
import { billLines, diskWarning } from "../lib/bill/words.ts";
import type { Assessment, ImageChange } from "../lib/upgrade/assess.ts";
import type { Outlook } from "../lib/upgrade/look-ahead.ts";
import { answerLines, blockerLines, imageLine, verdictLine } from "../lib/upgrade/words.ts";
import { npmCommand, setCommand } from "../lib/settings/commands.ts";
import { readSetValue } from "../lib/settings/set-values.ts";

interface PageOptions {
  /** Also the rules that say it works. */
  all: boolean;
  /** The changes that were asked for, as they came. */
  set: string[];
}

/** An assessment for a person: the verdict, then only what matters, then what to do next. */
export function planPage(
  { settings, host, planned }: Pick<Outlook, "settings" | "host" | "planned">,
  assessment: Assessment<Bill>,
  { all, set }: PageOptions,
): string {
  const { reasons, blockers, images, bill } = assessment;
  const disk = bill && diskWarning(bill);
  const warnings = [...assessment.warnings, ...(disk ? [disk] : [])];
  const of = (wanted: (answer: Assessment["reasons"][number]) => boolean) =>
    reasons.filter(wanted).flatMap((answer) => answerLines(answer));
  const fine = reasons.filter(({ verdict, isWarning }) => verdict === "works" && !isWarning);
  const sections: [heading: string, lines: string[]][] = [
    ["Fails:", of(({ verdict }) => verdict === "fails")],
    ["In the way:", blockerLines(blockers)],
    ["Not known:", of(({ verdict }) => verdict === "unknown")],
    ["Works, on a condition:", of(({ isWarning }) => isWarning === true)],
    ["Works:", all ? fine.flatMap((answer) => answerLines(answer)) : []],
    ["Images:", imageLines(images, planned)],
    ["Bill:", bill && images.length > 0 ? billLines(bill).map((line) => `  ${line}`) : []],
    ["To know:", warnings.map((line) => `  ${line}`)],
    ["Next:", nextSteps(settings.stack, assessment, set).map((line) => `  ${line}`)],
  ];
  return [
    verdictLine(settings, host, assessment),
    ...(fine.length > 0 && !all ? [`${fine.length} rules say that it works (--all shows them).`] : []),
    ...sections.flatMap(([heading, lines]) => (lines.length > 0 ? ["", heading, ...lines] : [])),
  ].join("\n");
}

function imageLines(images: ImageChange[], planned: Outlook["planned"]): string[] {
  if (planned instanceof Error)
    return [`  ${images.map(({ name }) => name).join(", ")}: cannot be planned yet`];
  return images.length > 0 ? images.map((image) => `  ${imageLine(image)}`) : ["  nothing to build"];
}

/** Commands that make what is missing, as the warnings name them. */
function locksToMake(warnings: string[]): string[] {
  const commands = warnings.flatMap((line) => / make (?:it|them): (npm run lock .*)$/.exec(line)?.[1] ?? []);
  return [...new Set(commands)];
}

/** Changes of a set that are settings of the bases; the others are pins in locks. */
const baseSettings = new Set(["cuda", "torch", "python", "packageIndex", "image"]);

function nextSteps(stack: string, assessment: Assessment, set: string[]): string[] {
  const { verdict, images, blockers, warnings } = assessment;
  if (verdict === "fails") {
    const changes = blockers?.nearest?.changes.filter(({ name }) => baseSettings.has(name));
    return changes && changes.length > 0
      ? [planOf(stack, changes, set)]
      : ["change what the fixes name, then plan again"];
  }
  const go = stack === "sandbox" ? "npm start" : `pulumi up --stack ${stack}`;
  const then = [...locksToMake(warnings), go];
  if (set.length === 0) return images.length > 0 ? then : [];
  const lines = set
    .map(readSetValue)
    .map(({ path, text }) =>
      text === undefined
        ? `pulumi config rm --stack ${stack} --path gpu-build-host:${path.join(".")}`
        : setCommand(stack, path.join("."), quoted(text)),
    );
  return [...lines.filter((line) => !line.includes("gpu-build-host:host.")), ...then];
}

/** The command that plans with settings of the bases changed: what was asked for before stays, where it is not changed. */
function planOf(stack: string, changes: { name: string; to: string }[], set: string[]): string {
  const moved = new Map(changes.map(({ name, to }) => [`cudaBase.${name}`, to === "PyPI" ? "" : to]));
  const kept = set.filter((change) => !moved.has(readSetValue(change).path.join(".")));
  const all = [...kept, ...[...moved].map(([key, to]) => `${key}=${to}`)];
  return npmCommand("npm run plan", stack, ...all.flatMap((change) => ["--set", quoted(change)]));
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
