import { fault, files, type Fault } from "./fault.ts";
import { laterFaults } from "./later-faults.ts";

const {
  kill,
  ports,
  engine,
  drift,
  stacks,
  settle,
  atomic,
  config,
  configStacks,
  failing,
  guide,
  badInput,
  oneAtATime,
  restart,
  service,
  strictFile,
  killedWrite,
  configSettings,
  recovery,
  recover,
  busy,
  registryCache,
  secrets,
} = files;

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
    [busy, "work one after the other, or the second names the first (${round} of 2)"],
    [oneAtATime, "refuses the second, and names the first"],
  ),
  fault("F7", "two stacks up and destroyed in any order", [
    stacks,
    '${there.join(" and then ")} came: ${destroyed} goes',
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
  fault("F13", "cache removed by hand", [
    drift,
    "creates a removed cache again and probes it, moves a friendly tag back and brings its mirror back",
  ]),
  fault("F14", "shared base removed by hand", [
    drift,
    "brings the cache's image back, and lets the children of a base follow that was rebuilt with other layers",
  ]),
  fault("F15", "cache's volume removed by hand", [
    drift,
    "creates a removed cache with its volume again, a removed friendly tag and a lost daemon.json",
  ]),
  fault(
    "F16",
    "daemon.json edited by hand",
    [
      drift,
      "creates a removed cache again and probes it, moves a friendly tag back and brings its mirror back",
    ],
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
  ...laterFaults,
];
