import { relative } from "node:path";
import type { Check, Facts } from "./types.ts";

/** What a layer rule found in a Dockerfile of the user's. */
export interface DockerfileFinding {
  /** Rule, e.g. `"latest"`: the check's id is `dockerfile.latest`. */
  id: string;
  /** Absolute path of the Dockerfile. */
  file: string;
  /** Counts from 1. */
  line: number;
  status: "WARN" | "FAIL";
  /** What is wrong, in one line. */
  text: string;
  fix: string;
}

/** The one place where findings about Dockerfiles become checks, e.g. `dockerfile.latest  services/a/Dockerfile:3: …`. */
export function findingsAsChecks(findings: DockerfileFinding[], facts: Pick<Facts, "settings">): Check[] {
  return findings.map(({ id, file, line, status, text, fix }) => ({
    id: `dockerfile.${id}`,
    status,
    line: `${relative(facts.settings.root, file)}:${line}: ${text}`,
    fix,
  }));
}
