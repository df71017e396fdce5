import { fault, files, type Fault } from "./fault.ts";

const {
  upstream,
  disk,
  settle,
  config,
  configStacks,
  notRoot,
  restart,
  changeClass,
  configSettings,
  daemonSettings,
  recovery,
  busy,
  doctor,
  doctorDocker,
  gpu,
  net,
  mirrorUrl,
} = files;

/** F31 to F60. */
export const laterFaults: Fault[] = [
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
