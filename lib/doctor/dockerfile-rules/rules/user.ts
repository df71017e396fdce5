import type { Rule } from "../rule.ts";
import type { LintStage, Step } from "../model.ts";
import { runsAsRoot } from "../references.ts";

/** A service that runs as root. */
export const user: Rule = {
  id: "dockerfile.user",
  status: "WARN",
  *check({ final }) {
    const { root, ours } = final;
    const known = root !== undefined && (ours ? ours.itself : runsAsRoot(root));
    if (!known) return;
    const steps = chainOf(final).flatMap((stage) => stage.steps);
    const last = steps.findLast(({ keyword }) => keyword === "USER");
    const name = last?.rest.split(":")[0] ?? "root";
    if ((last && name !== "root" && name !== "0") || !isService(steps) || dropsByItself(steps)) return;
    yield {
      line: last?.line ?? final.line,
      message: last ? `USER ${last.rest}: the service runs as root` : "no USER: the service runs as root",
      fix: ours
        ? "USER 10001 above CMD (the base has that user, and /cache and /models are writable)"
        : "RUN useradd --uid 10001 app, and USER 10001 above CMD",
    };
  },
};

function chainOf(final: LintStage): LintStage[] {
  const chain: LintStage[] = [];
  for (let stage: LintStage | undefined = final; stage; stage = stage.parent) chain.push(stage);
  return chain.reverse();
}

/** A port, or a command that is more than a shell to look around in. */
function isService(steps: Step[]): boolean {
  if (steps.some(({ keyword }) => keyword === "EXPOSE")) return true;
  return steps.some(
    ({ keyword, rest }) =>
      (keyword === "CMD" || keyword === "ENTRYPOINT") &&
      !/^\[?\s*"?(\/(usr\/)?bin\/)?(ba|da|z)?(sh|tini|python3?)"?\s*(,\s*"-{1,2}[a-z]*"\s*)*\]?$/.test(
        rest.slice(0, 200),
      ),
  );
}

/** Entrypoints that start as root on purpose. */
function dropsByItself(steps: Step[]): boolean {
  return steps.some(
    ({ keyword, rest }) =>
      ["RUN", "CMD", "ENTRYPOINT"].includes(keyword) && /\b(gosu|setpriv|su-exec)\b/.test(rest),
  );
}
