import { parseDaemonJson, readList } from "../../daemon/daemon-json.ts";
import type { ManagedDaemon } from "../../daemon/identify.ts";
import { readDaemonJson } from "../../daemon/read-file.ts";
import { mirrorProblem, sameMirrors } from "../../daemon/mirror-url.ts";
import { refusalOf } from "../../daemon/validate.ts";
import { daemonProblem } from "../../host/daemon-problem.ts";
import { npmCommand } from "../../settings/commands.ts";
import { managedFiles } from "../managed-files.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

/** The check is skipped for an engine that we do not manage or may not look into. */
async function withDaemon(
  facts: Facts,
  judge: (
    daemon: ManagedDaemon,
    text: string | null | undefined,
    fault?: string,
  ) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const daemon = await facts.daemon();
  if (isUnknown(daemon))
    return isUnknown(await facts.engine())
      ? skip("the engine does not answer")
      : skip(daemon.problem, `run as root: sudo ${npmCommand("npm run doctor", facts.settings.stack)}`);
  if (!daemon.managed) return skip(`not ours to look at: ${daemon.foreign?.what}`);
  return judge(daemon.managed, daemon.text, daemon.fault);
}

const reload = (daemon: ManagedDaemon) => `sudo kill -HUP ${daemon.process.pid}`;

const mendFile = (file: string) => `mend the file (dockerd would not start with it): ${file}`;

/** A file that dockerd cannot read is what keeps it from starting; which one it reads, only our record tells then. */
async function judgeWithoutEngine({ settings, started }: Facts): Promise<Outcome> {
  const ours = started ? await managedFiles(settings) : [];
  const files = ours.length > 0 || settings.sandbox ? ours : ["/etc/docker/daemon.json"];
  for (const file of settings.dockerDaemon.manage === "apply" ? files : [])
    try {
      await readDaemonJson(file);
    } catch (error) {
      return fail((error as Error).message, mendFile(file));
    }
  return skip("the engine does not answer");
}

export const dockerConfigChecks: CheckDefinition[] = [
  {
    id: "docker.config.wanted",
    what: "What `dockerDaemon` wants in daemon.json, against what stands there and how dockerd was started.",
    fails:
      "it needs a restart that `allowRestart` does not allow (the containers that would stop stand there), clashes with a value of somebody else's or with a flag, or dockerd would refuse it",
    run: async ({ settings, engine }) => {
      if (settings.dockerDaemon.manage !== "apply") return skip("it is not ours to write");
      if (isUnknown(await engine())) return skip("the engine does not answer");
      const problem = await daemonProblem(settings);
      return problem ? fail(problem) : ok("nothing stands in its way");
    },
  },
  {
    id: "docker.config.path",
    what: "The daemon.json that the running dockerd reads, by its arguments.",
    warns:
      "`--config-file` names another than /etc/docker/daemon.json, or flags set what the file could (a systemd drop-in)",
    run: (facts) =>
      withDaemon(facts, ({ flags, file, process: dockerd }) => {
        if (flags.byKey.has("registry-mirrors"))
          return warn(
            `dockerd (process ${dockerd.pid}) was started with --registry-mirror: the file may not name mirrors as well`,
            "take the flag out of its unit or drop-in: systemctl cat docker",
          );
        if (flags.configFileGiven && !facts.settings.sandbox)
          return warn(`dockerd reads ${file} (--config-file), not /etc/docker/daemon.json`, `edit ${file}`);
        return ok(`${file}`);
      }),
  },
  {
    id: "docker.config.parse",
    what: "daemon.json, read as strictly as dockerd reads it and stricter where dockerd stays silent.",
    fails:
      "it is not valid JSON, is no object, has a key twice, or has `registry-mirror`, which dockerd ignores; with line and column",
    run: async (facts) => {
      if (isUnknown(await facts.engine())) return judgeWithoutEngine(facts);
      return withDaemon(facts, ({ file }, text, fault) => {
        if (fault) return fail(fault, mendFile(file));
        if (text === null) return ok(`no file ${file}: the engine's defaults`);
        const parsed = parseDaemonJson(text ?? null);
        const mirrors = parsed.ok ? (readList(parsed.document, "registry-mirrors") ?? []) : [];
        const problem = mirrors.map(mirrorProblem).find((line) => line && !line.includes("has a path"));
        return problem
          ? fail(`${file}: registry-mirrors: ${problem}`, `edit ${file}`)
          : ok(`${file} is well-formed`);
      });
    },
  },
  {
    id: "docker.config.conflict",
    what: "`dockerd --validate` by the running daemon's own program, with its own flags.",
    fails:
      "it would refuse the file at its next start: a key that is also a flag, an unknown key, a wrong value",
    limit: 20,
    run: (facts, signal) =>
      withDaemon(facts, async (daemon, text, fault) => {
        if (fault) return skip("the file cannot be read: see docker.config.parse");
        if (text === null && !daemon.flags.configFileGiven) return ok("no file, no conflict");
        const words = await refusalOf(daemon, daemon.file, signal);
        return words === undefined
          ? ok("dockerd --validate accepts flags and file together")
          : fail(`dockerd would not start again: ${words}`, `edit ${daemon.file}`);
      }),
  },
  {
    id: "docker.config.live",
    what: "The running daemon against its file, for `registry-mirrors`.",
    warns: "they differ: the file was edited and never reloaded, or a reload failed",
    run: (facts) =>
      withDaemon(facts, (daemon, text) => {
        if (daemon.flags.byKey.has("registry-mirrors")) return skip("the mirrors are a flag of dockerd's");
        const parsed = parseDaemonJson(text ?? null);
        const inFile = (parsed.ok && readList(parsed.document, "registry-mirrors")) || [];
        const live = daemon.info.mirrors;
        if (sameMirrors(inFile, live)) return ok("the daemon uses what its file says");
        return warn(
          `edited but never reloaded: ${daemon.file} has registry-mirrors ${shown(inFile)}, the daemon uses ${shown(live)}`,
          `${reload(daemon)} (stops no container)`,
        );
      }),
  },
];

function shown(mirrors: string[]): string {
  return mirrors.length > 0 ? mirrors.join(", ") : "none";
}
