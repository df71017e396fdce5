import { isAbsolute, join } from "node:path";
import { BOOLEAN_FLAGS, keyOfFlag } from "./daemon-keys.ts";

/** Where packaged engines keep their configuration. */
export const DEFAULT_CONFIG_FILE = "/etc/docker/daemon.json";

/** What a running dockerd was told on its command line. */
export interface DockerdFlags {
  /** Absolute path of its daemon.json. */
  configFile: string;
  /** The path was given by `--config-file`: then dockerd does not start without the file. */
  configFileGiven: boolean;
  /** Addresses given by `-H`/`--host`. */
  hosts: string[];
  /** Every flag by the key of daemon.json that it sets, e.g. `"live-restore"` → `["--live-restore"]`. */
  byKey: Map<string, string[]>;
}

/** Reads dockerd's arguments (without its name); `workingFolder` resolves a relative path. */
export function parseDockerdFlags(args: string[], workingFolder: string): DockerdFlags {
  const given = valuesOf(args, ["--config-file"]).at(-1);
  const configFile = given ?? DEFAULT_CONFIG_FILE;
  return {
    configFile: isAbsolute(configFile) ? configFile : join(workingFolder, configFile),
    configFileGiven: given !== undefined,
    hosts: valuesOf(args, ["--host", "-H"]),
    byKey: flagsByKey(args),
  };
}

/** The same arguments, to try out another daemon.json: `--validate` finds clashes of flags and file only if it sees both. */
export function validateArguments(args: string[], candidate: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--config-file") index++;
    else if (!arg.startsWith("--config-file=") && arg !== "--validate") kept.push(arg);
  }
  return [...kept, "--validate", "--config-file", candidate];
}

/** Flags by the key of daemon.json that they set, as they were given: dockerd takes no key from both places. */
function flagsByKey(args: string[]): Map<string, string[]> {
  const flags = new Map<string, string[]>();
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--") break;
    if (!/^(--[a-z]|-[A-Za-z])/.test(arg)) continue;
    const [name, value] = splitFlag(arg);
    const takesNext = value === undefined && !BOOLEAN_FLAGS.has(name);
    const given = takesNext ? `${arg} ${args[++index] ?? ""}` : arg;
    const key = keyOfFlag(name);
    flags.set(key, [...(flags.get(key) ?? []), given]);
  }
  return flags;
}

/** `--log-opt=a=b` and `-Hfd://` as name and value; undefined where it is the next argument or none. */
function splitFlag(arg: string): [name: string, value: string | undefined] {
  if (!arg.startsWith("--")) return [arg[1]!, arg.length > 2 ? arg.slice(2).replace(/^=/, "") : undefined];
  const at = arg.indexOf("=");
  return at < 0 ? [arg.slice(2), undefined] : [arg.slice(2, at), arg.slice(at + 1)];
}

/** Values of a flag in every way that dockerd reads it: `--host X`, `--host=X`, `-H X`, `-HX`, `-H=X`. */
function valuesOf(args: string[], names: string[]): string[] {
  const values: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === "--") break;
    for (const name of names) {
      if (arg === name && index + 1 < args.length) values.push(args[++index]!);
      else if (arg.startsWith(`${name}=`)) values.push(arg.slice(name.length + 1));
      else if (!name.startsWith("--") && arg.startsWith(name) && arg.length > 2)
        values.push(arg.slice(2).replace(/^=/, ""));
      else continue;
      break;
    }
  }
  return values;
}
