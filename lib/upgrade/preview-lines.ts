import { npmCommand } from "../settings/commands.ts";
import type { Assessment } from "./assess.ts";
import type { HostFacts } from "../cuda/types.ts";
import type { Settings } from "../settings/settings.ts";
import { answerLines, imageLine, verdictLine } from "./words.ts";

/** What a preview says of an assessment: each a message of its own. */
export interface PreviewLines {
  info: string[];
  warn: string[];
}

/** The lines of a preview: one where nothing is to be built, so that a stack in daily use stays quiet. */
export function previewLines(
  { settings, host }: { settings: Settings; host: HostFacts },
  assessment: Assessment,
  billLines: string[] = [],
): PreviewLines {
  const { verdict, reasons, images, warnings } = assessment;
  const isQuiet = images.length === 0;
  const conditions = reasons.filter(({ isWarning }) => isWarning);
  const first = [
    verdictLine(settings, host, assessment),
    ...(isQuiet && (verdict === "unknown" || conditions.length > 0)
      ? [
          `${conditions.length > 0 ? `${conditions.length} to read` : "which"}: ${npmCommand("npm run plan", settings.stack)}`,
        ]
      : []),
  ].join("; ");
  const lines: PreviewLines = { info: [], warn: [] };
  (verdict === "works" ? lines.info : lines.warn).push(first);
  const open = reasons.filter((answer) => answer.verdict === "fails" || (!isQuiet && isOpen(answer)));
  if (open.length > 0) lines.warn.push(open.flatMap((answer) => answerLines(answer, "")).join("\n"));
  if (!isQuiet) {
    lines.info.push(["Images:", ...images.map((image) => `  ${imageLine(image)}`)].join("\n"));
    if (billLines.length > 0) lines.info.push(["Bill:", ...billLines.map((line) => `  ${line}`)].join("\n"));
  }
  lines.warn.push(...warnings);
  return lines;
}

const isOpen = ({ verdict, isWarning }: Assessment["reasons"][number]): boolean =>
  verdict === "unknown" || isWarning === true;
