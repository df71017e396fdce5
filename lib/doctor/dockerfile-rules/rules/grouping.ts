import type { Command } from "../commands.ts";
import type { Remark, Rule } from "../rule.ts";
import { isLocal, readInstall, type Install } from "../installs.ts";
import type { Step } from "../model.ts";

/** Steps in a row that would be one. */
export const grouping: Rule = {
  id: "dockerfile.grouping",
  status: "WARN",
  *check({ stages }) {
    for (const { steps } of stages) {
      let row: { key: string; steps: Step[] } = { key: "", steps: [] };
      for (const step of steps) {
        const key = keyOf(step);
        if (key && key === row.key) row.steps.push(step);
        else {
          yield* remarkOn(row);
          row = { key, steps: key ? [step] : [] };
        }
      }
      yield* remarkOn(row);
    }
  },
};

function* remarkOn({ key, steps }: { key: string; steps: Step[] }): Generator<Remark> {
  const apt = key.startsWith("apt");
  // Two steps of pip may change at different times; three in a row are a list that was written down line by line.
  if (steps.length < (apt ? 2 : 3)) return;
  const [first, ...others] = steps.map(({ line }) => line);
  const name = steps[0]!.installs[0]!.name;
  const lines = others.length > 5 ? [...others.slice(0, 5), "…"] : others;
  yield {
    line: first!,
    message: `${steps.length} steps in a row run "${name}" (also lines ${lines.join(", ")}): a layer and a resolution each${apt ? ", and a list of packages each" : ""}`,
    fix: `one RUN ${name} with all of them; keep apart only what changes at another time`,
  };
}

/** What makes two steps mergeable; empty where a step does more than install named packages. */
function keyOf(step: Step): string {
  const [install] = step.installs;
  if (step.keyword !== "RUN" || !install || !["apt", "pip", "uv"].includes(install.tool)) return "";
  if (step.installs.length > 1 || !step.commands.every((command) => isPart(command, install))) return "";
  if (install.files.length > 0 || install.packages.length === 0 || install.packages.some(isLocal)) return "";
  const mounts = step.mounts.map(({ text }) => text).join(" ");
  // Options of apt say how to ask, those of pip what to install.
  return install.tool === "apt" ? `apt ${mounts}` : `${install.name} ${install.options.join(" ")} ${mounts}`;
}

/** The install itself, and what goes with it. */
function isPart(command: Command, install: Install): boolean {
  const { words } = command;
  if (readInstall(command)) return true;
  if (install.tool === "apt" && /^apt(-get)?$/.test(words[0]!))
    return words.some((word) => /^(update|clean|autoclean|autoremove)$/.test(word));
  return ["rm", "set", "true", "cd"].includes(words[0]!);
}
