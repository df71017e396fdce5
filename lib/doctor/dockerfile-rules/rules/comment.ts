import { splitQuoted } from "../../../images/variable-expansion.ts";
import type { Rule } from "../rule.ts";

const plainText = new Set(["ADD", "COPY", "ENV", "EXPOSE", "FROM", "LABEL", "USER", "WORKDIR"]);

/** A comment where Docker knows none. */
export const comment: Rule = {
  id: "dockerfile.comment",
  status: "FAIL",
  *check({ syntax }) {
    for (const { keyword, line, rest } of syntax.instructions) {
      if (!plainText.has(keyword) || rest.startsWith("[")) continue;
      const words = splitQuoted(rest, syntax.escape);
      const at = words.findIndex(
        (word, index) => index > 0 && (/^#+$/.test(word) || (keyword === "FROM" && word.startsWith("#"))),
      );
      if (at > 0)
        yield {
          line,
          message: `"${words.slice(at, at + 6).join(" ")}" at the end is no comment: Docker takes it as a part of ${keyword}`,
          fix: "put the comment on a line of its own above: Docker knows none at a line's end",
        };
    }
  },
};
