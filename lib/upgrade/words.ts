import type { Answer, HostFacts } from "../cuda/types.ts";
import { npmCommand, setCommand } from "../settings/commands.ts";
import type { Settings } from "../settings/settings.ts";
import type { Blockers } from "../cuda/blockers.ts";
import type { Assessment, ImageChange } from "./assess.ts";

/** e.g. `"CUDA 12.8, PyTorch 2.7.1, Python 3.10"` */
function asked({ cudaBase }: Pick<Settings, "cudaBase">): string {
  return `CUDA ${cudaBase.cuda}, PyTorch ${cudaBase.torch}, Python ${cudaBase.python}`;
}

/** What is asked for and the machine in a few words, e.g. `"CUDA 12.8, … on driver 570.86.15, NVIDIA GeForce RTX 4090 (8.9)"`. */
function question(settings: Pick<Settings, "cudaBase">, host: HostFacts): string {
  const isBuildHost = host.gpus?.length === 0 && !host.driver;
  return isBuildHost
    ? `${asked(settings)}; no NVIDIA GPU here, so this is about building and importing`
    : `${asked(settings)} on ${hostWords(host)}`;
}

function hostWords({ driver, gpus, from }: HostFacts): string {
  const cards = gpus?.map(({ name, computeCapability }) =>
    computeCapability && !name.includes(computeCapability) ? `${name} (${computeCapability})` : name,
  );
  const byHand = Object.values(from).some((source) => source.startsWith("gpu-build-host:host."))
    ? ", as the settings say"
    : "";
  return `driver ${driver ?? "unknown"}, ${cards ? cards.join(", ") || "no GPU" : "GPUs unknown"}${byHand}`;
}

const placeWords = {
  install: "shows when packages are installed",
  build: "shows in the build",
  import: "shows at import",
  start: "shows when a container starts",
  run: "shows when it runs",
} as const;

/** An answer in lines: what, the facts that clash, the fix. */
export function answerLines(answer: Answer, indent = "  "): string[] {
  const { rule, text, facts, place, fix, verdict } = answer;
  const where = place && verdict !== "works" ? ` (${placeWords[place]})` : "";
  const shown = facts.filter(({ value, from }) => !text.includes(value) || !text.includes(from));
  return [
    `${indent}${rule}: ${oneLine(text)}${where}`,
    ...(shown.length > 0
      ? [`${indent}  facts: ${shown.map(({ name, value, from }) => `${name} ${value} (${from})`).join("; ")}`]
      : []),
    ...(fix ? [`${indent}  fix: ${oneLine(fix)}`] : []),
  ];
}

/** What stands in the way, and the nearest way round. */
export function blockerLines(blockers: Blockers | undefined, indent = "  "): string[] {
  if (!blockers) return [];
  const { pins, host, nearest, note } = blockers;
  return [
    ...(host ? [`${indent}this host: ${oneLine(host)}`] : []),
    ...(pins.length > 0
      ? [
          `${indent}blocked by: ${pins.map(({ name, version, from }) => `${name} ${version} (${from})`).join(", ")}`,
        ]
      : []),
    ...(nearest
      ? [
          `${indent}nearest that ${nearest.verdict === "works" ? "works" : `is not known to fail (${nearest.verdict})`}${nearest.without.length > 0 ? `, without ${nearest.without.join(", ")}, which cannot follow` : ""}: ${nearest.changes.map(({ name, from, to }) => `${name} ${from} → ${to}`).join(", ") || "as it is"}`,
        ]
      : [`${indent}${host || pins.length > 0 ? "no set that works is known" : oneLine(note)}`]),
  ];
}

/** The error that stops preview and up: verdict, reasons, blockers, and how to go on all the same. */
export function stopText(
  settings: Settings,
  host: HostFacts,
  assessment: Pick<Assessment, "reasons" | "allowed" | "blockers">,
  further: string[] = [],
): string {
  const failing = assessment.reasons.filter(
    ({ verdict, rule }) => verdict === "fails" && !assessment.allowed.includes(rule),
  );
  const rules = [...new Set(failing.map(({ rule }) => rule))];
  const wanted = JSON.stringify([...settings.allowIncompatible, ...rules]);
  return [
    `This fails: ${question(settings, host)}. Nothing was changed.`,
    ...failing.flatMap((answer) => answerLines(answer)),
    ...blockerLines(assessment.blockers),
    ...further.map((line) => `  ${line}`),
    `To see all of it: ${npmCommand("npm run plan", settings.stack)}. To go on all the same: ${setCommand(settings.stack, "allowIncompatible", `'${wanted}'`).replace(" --path", "")}`,
  ].join("\n");
}

const willWords: Record<ImageChange["will"], string> = {
  build: "will be built",
  reuse: "is there from earlier",
  retag: "gets other names",
  missing: "is pinned to a version that is gone",
};

/** Longest list of reasons for one image. */
const shownReasons = 4;

/** One line for an image: `"whisperx:cu128 will be built: file app/main.py"`. */
export function imageLine({ name, tags, will, reasons }: ImageChange): string {
  const shown = reasons.slice(0, shownReasons).join(", ");
  const more = reasons.length > shownReasons ? ` and ${reasons.length - shownReasons} more` : "";
  return `${tags[0] ?? name} ${willWords[will]}${shown ? `: ${shown}${more}` : ""}`;
}

/** The verdict in one line. */
export function verdictLine(
  settings: Settings,
  host: HostFacts,
  { verdict, reasons, allowed }: Pick<Assessment, "verdict" | "reasons" | "allowed">,
): string {
  const what = question(settings, host);
  if (verdict === "works") return `works: ${what}`;
  const count = (wanted: string) => reasons.filter((answer) => answer.verdict === wanted).length;
  if (verdict === "fails")
    return `FAILS${allowed.length > 0 ? ", as allowed" : ""}: ${what}: ${things(count("fails"), "reason")}`;
  return `unknown: ${what}: ${things(count("unknown"), "question")} without an answer`;
}

function things(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, "; ");
}
