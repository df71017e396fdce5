import type { Command } from "../commands.ts";
import type { Rule } from "../rule.ts";
import type { Step } from "../model.ts";

/** `apt-get update` in a step of its own. */
export const aptUpdate: Rule = {
  id: "dockerfile.apt-update",
  status: "WARN",
  *check({ stages }) {
    for (const step of stages.flatMap(({ steps }) => steps))
      if (updatesOnly(step))
        yield {
          line: step.line,
          message:
            '"apt-get update" in a step of its own stays cached: later installs ask for packages that are gone',
          fix: "RUN apt-get update && apt-get install -y --no-install-recommends … && rm -rf /var/lib/apt/lists/*",
        };
  },
};

/** Lists of apt that stay in a layer. */
export const aptLists: Rule = {
  id: "dockerfile.apt-lists",
  status: "WARN",
  *check({ stages, inImage }) {
    for (const step of stages.filter((stage) => inImage.has(stage)).flatMap(({ steps }) => steps)) {
      if (!step.commands.some(isUpdate) || updatesOnly(step) || removesLists(step)) continue;
      if (
        step.mounts.some(
          ({ type, target }) => type !== "bind" && /^\/var(\/lib(\/apt(\/lists)?)?)?\/?$/.test(target),
        )
      )
        continue;
      yield {
        line: step.line,
        message: "the package lists of apt-get update stay in this layer",
        fix: "end the step with && rm -rf /var/lib/apt/lists/*, or give it --mount=type=cache,target=/var/lib/apt/lists,sharing=locked",
      };
    }
  },
};

/** Nothing in the step can use the lists that it fetches. */
function updatesOnly(step: Step): boolean {
  const at = step.commands.findLastIndex(isUpdate);
  return (
    at >= 0 && step.commands.slice(at + 1).every(isCleaning) && !step.commands.slice(0, at).some(isInstall)
  );
}

function isUpdate({ words }: Command): boolean {
  return isApt(words) && actionOf(words) === "update";
}

function isInstall({ words }: Command): boolean {
  return isApt(words) && actionOf(words) === "install";
}

function isCleaning({ words }: Command): boolean {
  return words[0] === "rm" || words[0] === "true" || (isApt(words) && /clean$/.test(actionOf(words)));
}

function isApt(words: string[]): boolean {
  return /^(\/usr\/bin\/)?apt(-get)?$/.test(words[0] ?? "");
}

function actionOf(words: string[]): string {
  return words.slice(1).find((word) => /^[a-z-]+$/.test(word) && !word.startsWith("-")) ?? "";
}

function removesLists({ commands }: Step): boolean {
  return commands.some(
    ({ words }) =>
      (words[0] === "rm" || words[0] === "find") && words.some((word) => word.startsWith("/var/lib/apt")),
  );
}
