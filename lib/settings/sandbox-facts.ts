import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { UserError } from "../errors.ts";

const facts = z.object({
  /** Absolute path of the sandbox's folder. */
  root: z.string(),
  /** `unix://…` of the private engine. */
  dockerHost: z.string(),
  /** URL of the registry that stands for Docker Hub. */
  upstream: z.string(),
  ports: z.object({
    cache: z.int(),
    cacheMetrics: z.int(),
    pythonPackages: z.int().optional(),
    debianPackages: z.int().optional(),
  }),
});

/** What `npm start` chose when it started the private engine; it stands in `.sandbox/facts.json`. */
export type SandboxFacts = z.infer<typeof facts>;

/**
 * Reads `.sandbox/facts.json` of the clone.
 *
 * @throws UserError when the sandbox was never started.
 */
export function readSandboxFacts(root: string): SandboxFacts {
  const file = join(root, ".sandbox", "facts.json");
  try {
    return facts.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw new UserError(
      "The sandbox of this clone has not been started (or its facts.json is damaged): run `npm start`.",
    );
  }
}
