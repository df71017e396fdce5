import type { Answer, Fact } from "../types.ts";
import { isAtLeast } from "../versions.ts";
import { fails, warns } from "./answers.ts";
import type { Context } from "./context.ts";

const rule = "cdi-needs";

/** GPUs by CDI: what the engine and NVIDIA Container Toolkit must be for it. */
export function cdiNeeds({ host, data, gpus }: Context): Answer[] {
  if (host.gpuAccess !== "cdi" || gpus?.length === 0) return [];
  const least = (id: string) => data.hostRequirements.find((row) => row.id === id);
  const answers: Answer[] = [];
  const { engine, containerToolkit } = host;
  const fact = (name: "engine" | "containerToolkit", value: string): Fact => ({
    name,
    value,
    from: host.from[name] ?? "this host",
  });
  const first = least("cdi-in-docker");
  const byDefault = least("cdi-in-docker-by-default");
  if (engine && first && !isAtLeast(engine, first.minVersion))
    answers.push(
      fails(rule, "start", {
        text: `Docker Engine ${engine} knows no CDI devices; ${first.minVersion} is the first that does`,
        facts: [fact("engine", engine)],
        sources: first.sources,
        fix: `upgrade Docker Engine to ${byDefault?.minVersion ?? first.minVersion} or newer, or give the GPUs by NVIDIA's runtime`,
      }),
    );
  else if (engine && byDefault && !isAtLeast(engine, byDefault.minVersion))
    answers.push(
      warns(rule, {
        text: `Docker Engine ${engine} takes CDI devices only with "features": {"cdi": true} in daemon.json`,
        facts: [fact("engine", engine)],
        sources: byDefault.sources,
        fix: `set features.cdi, or upgrade Docker Engine to ${byDefault.minVersion} or newer`,
      }),
    );
  const generate = least(host.isWsl ? "cdi-generate-wsl" : "cdi-generate");
  if (containerToolkit && generate && !isAtLeast(containerToolkit, generate.minVersion))
    answers.push(
      fails(rule, "start", {
        text: `NVIDIA Container Toolkit ${containerToolkit} writes no CDI specification${host.isWsl ? " under WSL2" : ""}; ${generate.minVersion} is the first that does`,
        facts: [fact("containerToolkit", containerToolkit)],
        sources: generate.sources,
        fix: `upgrade NVIDIA Container Toolkit to ${least("cdi-refresh")?.minVersion ?? generate.minVersion} or newer`,
      }),
    );
  return answers;
}
