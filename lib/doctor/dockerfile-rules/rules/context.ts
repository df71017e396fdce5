import type { Rule } from "../rule.ts";
import { isWholeContext } from "./order.ts";

/** The whole folder, with nothing left out. */
export const dockerignore: Rule = {
  id: "dockerfile.dockerignore",
  status: "WARN",
  *check({ facts, stages }) {
    if (facts.ignoreText === undefined || leavesOut(facts.ignoreText)) return;
    const step = stages
      .flatMap(({ steps }) => steps)
      .find(({ source }) => source && source.from === undefined && source.paths.some(isWholeContext));
    if (step)
      yield {
        line: step.line,
        message: `${step.keyword} of the whole folder, and no .dockerignore leaves anything out: notes, .git and checkpoints go into the image and cause rebuilds`,
        fix: "a .dockerignore of two lines, * and !app (what the image needs); or COPY app /app by name",
      };
  },
};

function leavesOut(text: string): boolean {
  const rules = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return rules.some((rule) => !rule.trim().startsWith("!"));
}

/** A download whose bytes nobody checks. */
export const addUrl: Rule = {
  id: "dockerfile.add-url",
  status: "WARN",
  *check({ stages }) {
    for (const step of stages.flatMap(({ steps }) => steps)) {
      if (step.keyword !== "ADD" || step.flags.some(({ name }) => name === "checksum")) continue;
      const words = step.rest.split(/\s+/).map((text) => text.replace(/^[["',]{1,3}|[\]"',]{1,3}$/g, ""));
      const git = words.find((text) =>
        /^(git@|git:\/\/|ssh:\/\/)|^https?:\/\/[^?#]*\.git(\/?$|#)/.test(text),
      );
      const url = words.find((text) => text !== git && /^https?:\/\//.test(text));
      if (git !== undefined && !/#[^:]/.test(git))
        yield {
          line: step.line,
          message: "ADD of a Git address without a commit takes whatever its default branch is that day",
          fix: "ADD https://….git#COMMIT, with the 40 digits of the commit",
        };
      if (url !== undefined)
        yield {
          line: step.line,
          message: "ADD of a URL without --checksum: other bytes at that address go into the image unseen",
          fix: "ADD --checksum=sha256:… URL …; sha256sum prints the digits",
        };
    }
  },
};
