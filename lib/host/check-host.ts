import { previewChecks } from "../doctor/preview-checks.ts";
import { readFacts } from "../doctor/read-facts.ts";
import { runChecks } from "../doctor/run-checks.ts";
import { UserError } from "../errors.ts";
import type { StackPlan } from "../images/plan-stack.ts";
import type { Settings } from "../settings/settings.ts";
import { certsByHand } from "./certs-by-hand.ts";

/**
 * Looks at what a run needs before anything is declared, with those checks of `npm run doctor` that are quick.
 *
 * @returns a line for each warning.
 * @throws UserError with a line for each problem and what to do about it.
 */
export async function checkHost(settings: Settings, plan: StackPlan): Promise<string[]> {
  const facts = readFacts(settings, { plan });
  const results = await runChecks(previewChecks, facts);
  const lines = (status: string) =>
    results
      .filter((result) => result.status === status)
      .map(({ id, line, fix }) => `${id}: ${line}${fix ? `. Fix: ${fix}` : ""}`);
  const problems = lines("FAIL");
  if (problems.length > 0)
    throw new UserError(["This host is not ready:", ...problems.map((line) => `  ${line}`)].join("\n"));
  return [...lines("WARN"), ...certsByHand(settings)];
}
