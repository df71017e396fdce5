import { bringsDependencies } from "../installs.ts";
import type { Rule } from "../rule.ts";
import type { LintStage, Step } from "../model.ts";

/** Code that is copied above the installation of packages. */
export const order: Rule = {
  id: "dockerfile.order",
  status: "WARN",
  *check({ stages }) {
    // What stands above a stage's end: the first copy of code, and whether the project's own installer ran before it.
    const above = new Map<LintStage, Above>();
    for (const stage of stages) {
      const state: Above = { ...(stage.parent && above.get(stage.parent)) };
      let said = false;
      for (const step of stage.steps) {
        const install = step.installs.find(
          (one) => bringsDependencies(one) && !(state.projectFirst && one.tool === "project"),
        );
        if (install && state.code && !said) {
          said = true;
          const copy = `${state.code.keyword} ${state.code.source!.paths.find(isCode)}`;
          yield {
            line: state.code.line,
            message: `"${copy}" stands above "${install.name}" of line ${step.line}: every changed file installs all packages again`,
            fix: `move it below line ${step.line}; what the install reads (a requirements file, a lock) is copied above by name`,
            cost: { line: step.line, what: `${copy} before ${install.name}` },
          };
        }
        if (step.installs.some(({ tool }) => tool === "project") && !state.code) state.projectFirst = true;
        if (!state.code && step.source && step.source.from === undefined && step.source.paths.some(isCode))
          state.code = step;
      }
      above.set(stage, state);
    }
  },
};

interface Above {
  code?: Step;
  projectFirst?: boolean;
}

/** The whole context, or a folder that by its name holds what changes most. */
function isCode(path: string): boolean {
  return isWholeContext(path) || /^(?:\.?\/)?(?:app|backend|code|server|source|src)\/?$/.test(path);
}

/** `.`, `./`, `/`, `*` and their like. */
export function isWholeContext(path: string): boolean {
  return /^(?:\.?\/?\.?|(?:\.?\/)?\*)$/.test(path);
}
