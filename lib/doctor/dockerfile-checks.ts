import type { Settings } from "../settings/settings.ts";
import type { Finding } from "./dockerfile-rules/index.ts";
import { serviceDockerfileFindings } from "./dockerfiles.ts";
import type { Check } from "./types.ts";

/** What the layer rules say about the Dockerfiles of a stack's services; one OK where they have nothing to say. */
export async function dockerfileChecks(settings: Settings): Promise<Check[]> {
  const count = Object.keys(settings.services).length;
  if (count === 0) return [{ id: "dockerfile.rules", status: "SKIP", line: "the stack has no service" }];
  const checks = findingsAsChecks(await serviceDockerfileFindings(settings));
  if (checks.length > 0) return checks;
  return [
    { id: "dockerfile.rules", status: "OK", line: `nothing to remark in ${count} Dockerfiles of services` },
  ];
}

/** The one place where findings become checks, e.g. `dockerfile.latest  services/a/Dockerfile:3: …`. */
export function findingsAsChecks(findings: Finding[]): Check[] {
  return findings.map(({ id, file, line, status, message, fix }) => ({
    id,
    status,
    line: `${file}:${line}: ${message}`,
    fix,
  }));
}
