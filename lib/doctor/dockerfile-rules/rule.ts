import type { Cost } from "./finding.ts";
import type { DockerfileModel } from "./model.ts";

/** What a rule says; the rest is filled in for it. */
export interface Remark {
  line: number;
  message: string;
  fix: string;
  /** @default the rule's own */
  status?: "WARN" | "FAIL";
  cost?: Cost;
}

/** One thing that is looked for. */
export interface Rule {
  id: string;
  status: "WARN" | "FAIL";
  check(model: DockerfileModel): Iterable<Remark>;
}
