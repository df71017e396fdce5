/** Where a fault is tried: the file below `tests/`, and a title in it as it is written there. */
export type Test = [file: string, title: string];

/** A fault of the design's list, by its number there. */
export interface Fault {
  id: string;
  what: string;
  /** Tests that inject it into the real parts. */
  tests?: Test[];
  /** Why it cannot be tried here. */
  cannot?: string;
}

const kill = "faults/kill.test.ts";
const upstream = "faults/upstream.test.ts";
const ports = "faults/ports.test.ts";
const disk = "faults/cache-disk.test.ts";
const engine = "faults/engine.test.ts";
const drift = "integration/drift.test.ts";
const stacks = "integration/two-stacks.test.ts";
const settle = "daemon/settle.test.ts";
const atomic = "daemon/atomic-file.test.ts";
const config = "provider/daemon-config.test.ts";
const configStacks = "provider/daemon-config-stacks.test.ts";
const failing = "faults/destroy.test.ts";
const notRoot = "faults/not-root.test.ts";
const guide = "integration/guide-host.test.ts";
const badInput = "integration/bad-input.test.ts";
const oneAtATime = "cli/one-at-a-time.test.ts";
const restart = "daemon/restart.test.ts";
const service = "daemon/service.test.ts";
const strictFile = "daemon/strict-file.test.ts";
const killedWrite = "daemon/killed-write.test.ts";
const changeClass = "daemon/change-class.test.ts";
const configSettings = "provider/daemon-config-settings.test.ts";
const daemonSettings = "integration/daemon-settings.test.ts";
const recovery = "faults/recovery.test.ts";
const recover = "faults/recover.test.ts";
const busy = "faults/busy-host.test.ts";
const registryCache = "integration/registry-cache.test.ts";
const secrets = "integration/secrets.test.ts";
const doctor = "doctor/doctor.test.ts";
const doctorDocker = "doctor/docker.test.ts";
const gpu = "doctor/gpu.test.ts";
const net = "doctor/net.test.ts";
const mirrorUrl = "daemon/mirror-url.test.ts";

export const faults: Fault[] = [
  fault("F1", "Pulumi killed while a container is created", [
    kill,
    "converges after a kill while the cache's container is created",
  ]),
  fault(
    "F2",
    "killed at each step of a write of daemon.json",
    [
      settle,
      "killed at any step of an apply, the next run finishes it, and the first bytes come back (${name})",
    ],
    [atomic, "clears what a killed run left, and nothing else"],
    [killedWrite, "${name}: whole old or whole new text, and the next call leaves nothing behind"],
  ),
  fault(
    "F3",
    "killed between the file and the reload",
    [kill, "converges after a kill in the daemon's step"],
    [config, "notices that only the running daemon lost the mirror, and reloads"],
  ),
  fault(
    "F4",
    "destroy killed between the mirror and the cache",
    [kill, "converges after a kill in destroy"],
    [settle, "killed at any step of a release, the next run finishes it (${name})"],
  ),
  fault(
    "F5",
    "one SIGINT in a long step",
    [kill, "stops a build at once on ${signal}, says so, and goes on with the next start"],
    [busy, "does not keep Ctrl-C from stopping the run"],
  ),
  fault(
    "F6",
    "two runs of one stack at once",
    [busy, "work one after the other, or the second names the first (${round} of 4)"],
    [oneAtATime, "refuses the second, and names the first"],
  ),
  fault("F7", "two stacks up and destroyed in any order", [
    stacks,
    'up ${ups.join(", ")}; destroy ${destroys.join(", ")}',
  ]),
  fault(
    "F8",
    "engine killed while the cache's container is created, or in a build",
    [engine, "says that the engine is gone when it is killed while the cache's container is made"],
    [engine, "says so when it is killed in a build, and moves no tag"],
  ),
  fault("F9", "engine restarted in the middle of a pull", [
    engine,
    "begins a pull again when the engine was restarted in the middle of it",
  ]),
  fault(
    "F10",
    "engine does not come back after our restart",
    [restart, "rolls back where dockerd does not come back, with both words, and starts it again"],
    [
      service,
      "stops a unit that does not come back, so that its starts are not used up, and says systemd's words",
    ],
  ),
  fault(
    "F11",
    "engine stopped, then preview",
    [engine, "is named, with how to go on, when it is stopped and somebody asks for a preview"],
    [badInput, "names the engine that does not answer"],
  ),
  fault(
    "F12",
    "state file deleted",
    [recovery, "adopts everything when the state is lost"],
    [recover, "adopts volume, images and mirror, and makes the container anew"],
  ),
  fault("F13", "cache removed by hand", [drift, "creates a removed cache again and probes it"]),
  fault("F14", "shared base removed by hand", [
    drift,
    "lets the children of a base follow when it was rebuilt with other layers",
  ]),
  fault("F15", "cache's volume removed by hand", [drift, "creates a removed cache with its volume again"]),
  fault(
    "F16",
    "daemon.json edited by hand",
    [drift, "brings its mirror back that was removed from daemon.json"],
    [config, "shows drift as old => new, repairs it, and keeps what somebody else edited"],
  ),
  fault("F17", "canary as the upstream's login", [
    registryCache,
    "logs in at its upstream by a helper, and the password is nowhere else",
  ]),
  fault("F18", "canary as a build secret", [
    secrets,
    "are nowhere after runs that succeed and runs that fail, nor while they run",
  ]),
  fault("F19", "canary in a command that fails", [
    secrets,
    "are nowhere after runs that succeed and runs that fail, nor while they run",
  ]),
  fault("F20", "second stack with the same names", [
    stacks,
    "refuses the second one before it builds, and names the owner",
  ]),
  fault(
    "F21",
    "a volume that is somebody else's",
    [badInput, "refuses a volume of the cache's name that is not ours"],
    [guide, "refuses to take over a volume that somebody writes into, or that is not there"],
  ),
  fault(
    "F22",
    "cache's port taken",
    [ports, "is told before anything is made when ${options.host} has it"],
    [ports, "is free where only ::1 has it: the cache is on 127.0.0.1"],
  ),
  fault("F23", "port taken between the look and the start", [
    ports,
    "is named when it is lost between the look and the start, and the next start goes on",
  ]),
  fault(
    "F24",
    "another registry on the port",
    [ports, "says that a registry answers there, and how to use it"],
    [guide, "goes on with the guide's cache as it is, and its mirror; destroy gives the tags back"],
  ),
  fault("F25", "destroy with a foreign container on the cache's volume", [
    failing,
    "destroys all but the volume that a foreign container uses, names that container, and ends what it began",
  ]),
  fault("F26", "third of five resources fails", [
    failing,
    "names the third of five services that fails, has the others once, and goes on when it is repaired",
  ]),
  fault("F27", "wrong passphrase, or none", [
    secrets,
    "need no passphrase but the empty one: a missing and a wrong one are told in one line, with nothing declared",
  ]),
  fault(
    "F28",
    "state file cut off, empty, or with a byte order mark",
    [recovery, "restores a state that was ${name}, and keeps the broken one"],
    [recover, "is named where the state is broken and has no back-up"],
  ),
  fault(
    "F29",
    "daemon.json that is no plain JSON file",
    [strictFile, "refuses ${what}"],
    [strictFile, "gives back ${what}"],
    [strictFile, "refuses a folder"],
    [strictFile, "keeps mode 000"],
    [drift, "shows a broken daemon.json as drift, and says where it is broken"],
    [
      config,
      "shows a broken file as drift, refuses to touch it with line and column, and goes on once it is mended",
    ],
    [atomic, "refuses what is no text file, and says why"],
    [atomic, "says that a bind mount or a read-only file system is in the way"],
    [atomic, "keeps symbolic links, dangling ones included"],
  ),
  fault(
    "F30",
    "the same setting as a flag of dockerd",
    [configStacks, "refuses a daemon that has the same setting as a flag"],
    [configSettings, "stops before writing, and names the drop-in where systemd tells it"],
  ),
  fault("F31", "valid for dockerd --validate, fatal at its start", [
    mirrorUrl,
    "refuses ${JSON.stringify(mirror)}",
  ]),
  fault("F32", "unknown key of another tool", [
    configSettings,
    "names an unknown key of somebody else's before it restarts (F32)",
  ]),
  fault(
    "F33",
    "default runtime's program removed",
    [changeClass, "a broken runtime of somebody else's, only where Docker is to restart (F33)"],
    [doctorDocker, "is FAIL where the default runtime's program is missing, WARN for another's"],
  ),
  fault("F34", "reload that does not take", [
    settle,
    "undoes a change that the daemon does not take, and says why",
  ]),
  fault("F35", "key removed and reloaded", [
    config,
    "undoes the mirror in the daemon too where there was ${name}",
  ]),
  fault(
    "F36",
    "restart needed while containers run, and not allowed",
    [
      restart,
      "is refused before anything is written, with the containers that would stop, in preview and when applied",
    ],
    [
      daemonSettings,
      "fails in the preview where a restart is needed and not allowed, in one line that names the containers",
    ],
  ),
  fault("F37", "restart with live-restore", [
    restart,
    "keeps every container running where live-restore is wanted: it is reloaded first",
  ]),
  fault("F38", "engine killed with live-restore", [
    restart,
    "finds every container alive when the engine was killed with live-restore on and is started again",
  ]),
  fault(
    "F39",
    "upstream away when the cache starts",
    [upstream, "starts again without its upstream, and serves what it has"],
    [upstream, "is made anew without its upstream over the volume that it had"],
  ),
  fault(
    "F40",
    "upstream away while the cache runs",
    [upstream, "serves a cached tag"],
    [upstream, "names cache and upstream where an image is not cached"],
  ),
  fault(
    "F41",
    "upstream answers 429, 500, half a blob, wrong bytes, redirects for ever, or nothing",
    [
      upstream,
      "names what the upstream did, keeps nothing of it, and goes on afterwards: ${fault}, in a ${what}",
    ],
    [upstream, "lets no corrupt layer into a plain docker pull, and gives the good one afterwards"],
    [upstream, "serves others while the upstream is silent, and goes on when it answers again"],
    [upstream, "stops a build for which the upstream stays silent, and says what it waited for"],
    [upstream, "tells a person who runs npm start the same, and the next start goes on"],
  ),
  fault("F42", "cache down, mirror configured", [upstream, "lets pulls pass it by while it is down"]),
  fault("F43", "cache's disk full", [
    disk,
    "is passed by while it ${what}, says so, and works again by itself",
  ]),
  fault("F44", "no inodes left on the cache's disk", [
    disk,
    "is passed by while it ${what}, says so, and works again by itself",
  ]),
  fault(
    "F45",
    "cache's volume owned by another user, or read-only",
    [disk, "is handed to the registry's user where another one owned it"],
    [disk, "is named where it can only be read, and the next start goes on with another"],
  ),
  fault("F46", "blob in the cache's volume damaged", [
    upstream,
    "mends a blob that was damaged in its volume, in the build that meets it",
  ]),
  fault("F47", "CUDA newer than the driver", [
    doctor,
    "stops for a driver that is too old for cudaBase.cuda",
  ]),
  fault("F48", "nvidia-smi missing, hanging, printing garbage, exit 9", [
    gpu,
    "is FAIL with a fix where it ${name}",
  ]),
  { id: "F49", what: "one of three hosts away", cannot: "several hosts are a later piece of work" },
  { id: "F50", what: "SSH host key changed", cannot: "no command of the stack uses ssh yet" },
  { id: "F51", what: "SSH session dropped in a write", cannot: "no command of the stack uses ssh yet" },
  { id: "F52", what: "20 pulls over ssh", cannot: "no command of the stack uses ssh yet" },
  fault("F53", "clock two days ahead", [
    net,
    "is FAIL for two days, WARN for a minute, OK within seconds, SKIP without a date",
  ]),
  fault("F54", "proxy for the daemon without NO_PROXY", [
    net,
    "is FAIL with the line to add for a cache on the network, WARN on loopback",
  ]),
  { id: "F55", what: "two hosts with one key.json", cannot: "several hosts are a later piece of work" },
  fault(
    "F56",
    "engine paused for a minute",
    [busy, "is waited for, and not replaced"],
    [busy, "holds a build up, and no more"],
  ),
  fault("F57", "daemon.json edited between reading and renaming", [
    settle,
    "sees an edit between its reading and its writing, and keeps both changes",
  ]),
  fault("F58", "/run lost in a reboot", [recovery, "starts again after a power cut that took /run away"]),
  fault("F59", "ledger deleted, then destroy", [
    configStacks,
    "lives with a lost or cut-off ledger, and says so",
  ]),
  fault(
    "F60",
    "not root, and no sudo",
    [notRoot, "is told that the sandbox needs root, in one line"],
    [notRoot, "is told that daemon.json needs root, before anything is made"],
  ),
];

function fault(id: string, what: string, ...tests: Test[]): Fault {
  return { id, what, tests };
}
