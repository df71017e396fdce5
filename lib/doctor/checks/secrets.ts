import { missingSecrets } from "../../secrets/checks.ts";
import { fail, isUnknown, ok, skip, type CheckDefinition } from "../types.ts";

export const secretChecks: CheckDefinition[] = [
  {
    id: "host.secrets",
    what: "The variables and files of proxies, and of build secrets for images that are still to be built.",
    fails: "one is not set, empty or cannot be read",
    run: async (facts) => {
      const missing = await facts.missingImages();
      if (isUnknown(missing)) return skip("which images are to be built is not known");
      const problems = missingSecrets(facts.settings, missing);
      if (problems.length > 0) return fail(problems.join("; "));
      return ok(missing.length > 0 ? "all that are needed are there" : "nothing is to be built");
    },
  },
];
