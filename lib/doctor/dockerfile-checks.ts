import type { Check } from "./types.ts";

/** What a layer rule found in a Dockerfile of the user's. */
export interface DockerfileFinding {
  /** e.g. `"dockerfile.order"`. */
  id: string;
  /** As the user knows it, e.g. `"services/whisperx/Dockerfile"`. */
  file: string;
  /** Counts from 1. */
  line: number;
  status: "WARN" | "FAIL";
  /** What is wrong, in one line. */
  message: string;
  fix: string;
}

/** The one place where findings about Dockerfiles become checks, e.g. `dockerfile.latest  services/a/Dockerfile:3: …`. */
export function findingsAsChecks(findings: DockerfileFinding[]): Check[] {
  return findings.map(({ id, file, line, status, message, fix }) => ({
    id,
    status,
    line: `${file}:${line}: ${message}`,
    fix,
  }));
}
