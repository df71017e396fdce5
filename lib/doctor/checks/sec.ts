import { stat } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { findProperty, parseDaemonJson } from "../../daemon/daemon-json.ts";
import { socketOf } from "../../docker/request.ts";
import { runBriefly } from "../../host/run-briefly.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";

export const secChecks: CheckDefinition[] = [
  {
    id: "sec.socket",
    what: "Who may use the engine, which is as good as root: mode of its socket, TCP addresses of dockerd.",
    fails: "dockerd listens on TCP without `--tlsverify`",
    warns: "everybody may write to the socket",
    run: judgeSocket,
  },
  {
    id: "sec.selinux",
    what: "With SELinux enforcing: the label of daemon.json, which the confined daemon must be able to read.",
    warns: "it has none, or that of a temporary file",
    run: async (facts, signal) => {
      if (!isEnforcing()) return skip("SELinux does not enforce here");
      const daemon = await facts.daemon();
      const file = isUnknown(daemon) ? undefined : daemon.managed?.file;
      if (!file) return skip("daemon.json is not ours to look at");
      const run = await runBriefly("stat", ["--format=%C", file], {
        env: facts.env,
        timeoutMs: 5_000,
        signal,
      });
      const label = run.state === "ended" ? run.stdout.trim() : "";
      return label === "" || /unlabeled_t|tmp_t/.test(label)
        ? warn(`${file} has the label ${label || "none"}`, `sudo restorecon -v ${file}`)
        : ok(`${file} has the label ${label}`);
    },
  },
];

async function judgeSocket(facts: Facts): Promise<Outcome> {
  if (isUnknown(await facts.engine())) return skip("the engine does not answer");
  const daemon = await facts.daemon();
  const managed = isUnknown(daemon) ? undefined : daemon.managed;
  const text = isUnknown(daemon) ? undefined : daemon.text;
  const addresses = [...(managed?.flags.hosts ?? []), ...hostsIn(text)];
  const open = addresses.find((address) => address.startsWith("tcp://"));
  if (
    open &&
    !managed?.process.args.some((argument) => argument.startsWith("--tlsverify")) &&
    !/"tlsverify"\s*:\s*true/.test(text ?? "")
  )
    return fail(
      `dockerd listens on ${open} without TLS: whoever reaches it is root here`,
      "take the address away (systemctl cat docker, daemon.json) and use DOCKER_HOST=ssh://HOST from elsewhere",
    );
  const socket = socketOf(facts.settings.engine.host);
  const { mode } = await stat(socket);
  const shown = (mode & 0o777).toString(8);
  if (mode & 0o002)
    return warn(
      `everybody may write to ${socket} (mode ${shown}): every user is root here`,
      `sudo chmod 660 ${socket}`,
    );
  return ok(`${socket} has mode ${shown}${open ? `; ${open} with TLS` : ""}`);
}

function hostsIn(text: string | null | undefined): string[] {
  const parsed = parseDaemonJson(text ?? null);
  const hosts = parsed.ok ? findProperty(parsed.document.root, "hosts")?.value : undefined;
  return (hosts?.children ?? []).map((node) => String(node.value));
}

function isEnforcing(): boolean {
  try {
    return readFileSync("/sys/fs/selinux/enforce", "utf8").trim() === "1";
  } catch {
    return false;
  }
}
