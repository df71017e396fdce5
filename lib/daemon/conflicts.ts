import { UserError } from "../errors.ts";
import { canonicalText, documentOf } from "./daemon-json.ts";
import { nodeAt, textAt } from "./json-edit.ts";
import type { Claim, Wish } from "./claim.ts";
import { isValue, sameEntry, type FileText } from "./merge.ts";
import { dotted, overlaps, pathOf, pointerOf } from "./pointer.ts";
import { shownValue } from "./shown-value.ts";

/**
 * Values that somebody else set otherwise than a stack wants them: another stack, or whoever wrote daemon.json before us.
 * An entry that the stack has already is put back after an edit, not asked about. One that it has taken over may change.
 */
export function claimConflicts(
  file: string,
  texts: { base: FileText; current: FileText },
  claims: Claim[],
  wish: Wish,
): UserError[] {
  const document = documentOf(texts.base);
  const current = documentOf(texts.current);
  const shows = (pointer: string, json: string) => {
    const text = textAt(current, pointer);
    return text !== undefined && canonicalText(text) === canonicalText(json);
  };
  const problems: UserError[] = [];
  for (const entry of wish.entries) {
    const { pointer } = entry;
    const other = claims.find(
      (claim) =>
        claim.stack !== wish.stack &&
        overlaps(claim.pointer, pointer) &&
        !sameEntry(claim, entry) &&
        (isValue(claim) || isValue(entry)),
    );
    if (other) {
      const [theirs, ours] = [other, entry].map((one) =>
        isValue(one) ? shownValue(one.pointer, one.value) : JSON.stringify(one.element),
      );
      problems.push(
        new UserError(
          `${file}: ${dotted(pointer)}: stack "${other.stack}" has set ${dotted(other.pointer)} to ${theirs}, stack "${wish.stack}" wants ${ours}: ` +
            "give both the same value, or take it out of one",
        ),
      );
      continue;
    }
    if (!isValue(entry) || wish.override) continue;
    if (claims.some((claim) => claim.stack === wish.stack && sameEntry(claim, entry))) continue;
    const foreign = foreignValue(document, pointer);
    if (!foreign || canonicalText(foreign.json) === canonicalText(entry.value)) continue;
    const isTakenOver = claims.some(
      (claim) =>
        claim.stack === wish.stack &&
        claim.pointer === pointer &&
        isValue(claim) &&
        shows(pointer, claim.value) &&
        canonicalText(claim.value) !== canonicalText(foreign.json),
    );
    if (isTakenOver) continue;
    const now = shows(foreign.pointer, foreign.json);
    const theirs = `${dotted(foreign.pointer)} = ${shownValue(foreign.pointer, foreign.json)}`;
    problems.push(
      new UserError(
        `${file} ${now ? `has ${theirs}` : `had ${theirs} before a stack took it over`}, this stack wants ${dotted(pointer)} = ${shownValue(pointer, entry.value)}: ` +
          'take one of the two away, or set dockerDaemon.onConflict: "override" (the former value is given back on destroy)',
      ),
    );
  }
  return problems;
}

/** What stands at a pointer, or above it in place of an object; null counts as nothing, as dockerd reads it. */
function foreignValue(
  document: ReturnType<typeof documentOf>,
  pointer: string,
): { pointer: string; json: string } | undefined {
  const path = pathOf(pointer);
  for (let depth = 1; depth <= path.length; depth++) {
    const here = pointerOf(path.slice(0, depth));
    const node = nodeAt(document.root, here);
    if (!node || node.type === "null") return undefined;
    if (depth === path.length || node.type !== "object")
      return { pointer: here, json: textAt(document, here) ?? "" };
  }
  return undefined;
}
