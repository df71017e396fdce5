import { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { settingsWithChanges } from "../lib/settings/load.ts";
import { lookAhead, wholeAssessment } from "../lib/upgrade/look-ahead.ts";
import { planBriefly } from "../lib/upgrade/plan-briefly.ts";
import { sandboxLayout } from "../sandbox/layout.ts";
import { stackOption } from "./options.ts";
import { planPage } from "./plan-page.ts";
import { projectRoot, sandboxRoot } from "./project-folders.ts";
import { useProxy } from "./use-proxy.ts";

interface PlanOptions {
  stack: string;
  set: string[];
  json?: boolean;
  all?: boolean;
}

/** `npm run plan`: whether a stack can work on this machine or another one, and what building it costs. Changes nothing. */
export function planCommand(): Command {
  return new Command("npm run plan --")
    .description(
      [
        "Says whether a stack works on this machine, why not, what up would build and what that costs, before anything is downloaded or changed.",
        "It needs neither Pulumi's state nor an engine. Exit code 0: works, or not known to fail; 2: something fails; 1: it could not be planned.",
      ].join("\n"),
    )
    .addOption(stackOption())
    .option(
      "--set <key=value>",
      "plan with another setting, e.g. --set cudaBase.cuda=13.0 --set host.driver=580.65.06; may be given again; key= takes a setting out",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option(
      "--json",
      "print {verdict, reasons, allowed, blockers, images, bill, warnings, host, settings} and nothing else",
    )
    .option("--all", "also the rules that say it works")
    .action(async (options: PlanOptions) => {
      let code = 1;
      try {
        code = await plan(options);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.error(error.message);
      }
      // nvidia-smi that hangs in the kernel, or a registry that keeps a line open, would keep this program alive.
      process.exit(code);
    });
}

async function plan({ stack, set, json, all = false }: PlanOptions): Promise<number> {
  const sandboxHost = sandboxLayout(sandboxRoot).dockerHost;
  const settings = settingsWithChanges(projectRoot, stack, set, sandboxHost);
  useProxy(settings.proxy, { isRequired: false });
  const notes: string[] = [];
  const outlook = await lookAhead(settings, { plan: () => planBriefly(settings, notes) });
  const asInFile = set.length > 0 ? settingsWithChanges(projectRoot, stack, [], sandboxHost) : undefined;
  const assessment = await wholeAssessment(outlook, asInFile);
  assessment.warnings.unshift(...notes.sort());
  if (json)
    console.log(
      JSON.stringify({
        stack,
        ...assessment,
        host: outlook.host,
        settings: { cudaBase: settings.cudaBase, set },
      }),
    );
  else console.log(planPage(outlook, assessment, { all, set }));
  return assessment.verdict === "fails" ? 2 : 0;
}
