import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { parseSettings, type Settings } from "../../lib/settings/settings.ts";

/** Settings of a stack `dev` in `/project`, with the given values. */
export function devSettings(values: Record<string, unknown>): Settings {
  return parseSettings({
    stack: "dev",
    root: "/project",
    stateDir: "/state",
    file: "Pulumi.dev.yaml",
    values,
    readSandboxFacts: () => {
      assert.equal(values["sandbox"], true, "only a sandbox is asked for its facts");
      return {
        root: "/project/.sandbox",
        dockerHost: "unix:///run/gpu-build-host/1/docker.sock",
        upstream: "http://127.0.0.1:7000",
        ports: { cache: 7001, cacheMetrics: 7002 },
      };
    },
  });
}

/** The lines about single settings in the error that the values cause; none where they are right. */
export function settingProblems(values: Record<string, unknown>): string[] {
  try {
    devSettings(values);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const lines = error.message.split("\n");
    assert.equal(lines.shift(), "Invalid settings in Pulumi.dev.yaml:");
    assert.match(
      lines.pop() ?? "",
      /^Nothing was changed\. Set a value with: pulumi config set --stack dev /,
    );
    return lines.map((line) => line.slice(2));
  }
}
