import { UserError } from "../errors.ts";
import { normalName } from "./lock-text.ts";

/** A `requirements.in`: what a lock is resolved from. */
export interface Requirements {
  /** Its requirement lines, as they stand. */
  lines: string[];
  /** Releases after this day do not count, e.g. `"2025-09-01"`: a lock made again next year is the same lock. */
  excludeNewer?: string;
  /** Other days for single packages. */
  excludeNewerPackages: Record<string, string>;
}

const day = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Reads a `requirements.in`. Lines such as `# lock: exclude-newer 2025-09-01` and
 * `# lock: exclude-newer-package ctranslate2=2026-02-01` steer the resolution.
 * @param file its name, for messages
 */
export function readRequirements(text: string, file: string): Requirements {
  const result: Requirements = { lines: [], excludeNewerPackages: {} };
  for (const [index, line] of text.split("\n").entries()) {
    const directive = /^#\s*lock:\s*(\S+)\s*(.*)$/
      .exec(line)
      ?.slice(1)
      .map((word) => word.trim());
    if (!directive) {
      if (line.trim() && !line.trim().startsWith("#")) result.lines.push(line.trim());
      continue;
    }
    const [name, value] = directive as [string, string];
    const [packageName, until] = value.split("=").map((word) => word.trim()) as [string, string | undefined];
    if (name === "exclude-newer" && day.test(value)) result.excludeNewer = value;
    else if (name === "exclude-newer-package" && packageName && until && day.test(until))
      result.excludeNewerPackages[packageName] = until;
    else
      throw new UserError(
        `${file} line ${index + 1}: "${line}" must be "# lock: exclude-newer YYYY-MM-DD" or "# lock: exclude-newer-package NAME=YYYY-MM-DD"`,
      );
  }
  return result;
}

/** The lines of both; where both name a package, or a day, `own` holds. */
export function overlay(common: Requirements, own: Requirements): Requirements {
  const named = new Set(own.lines.map(requiredName));
  return {
    ...common,
    ...own,
    lines: [...common.lines.filter((line) => !named.has(requiredName(line))), ...own.lines],
    excludeNewerPackages: { ...common.excludeNewerPackages, ...own.excludeNewerPackages },
  };
}

/** `"misaki"` of the line `misaki[en]>=0.9`. */
function requiredName(line: string): string {
  return normalName(/^[A-Za-z0-9._-]+/.exec(line)?.[0] ?? line);
}
