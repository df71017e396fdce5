import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { hubRepository } from "../lib/images/image-reference.ts";
import { DaemonConfig } from "../provider/sdk.ts";

export interface DockerDaemonArgs {
  /** Stack that claims the entries, e.g. `"dev"`. */
  stack: string;
  /** Engine whose daemon.json is meant, e.g. `"unix:///var/run/docker.sock"`. */
  dockerHost: string;
  /** Mirrors that stand first in `registry-mirrors`, e.g. `["http://127.0.0.1:5000"]`. */
  registryMirrors: string[];
  /** `"apply"` edits daemon.json, `"print"` says what to edit, `"off"` leaves it alone. */
  manage: "apply" | "print" | "off";
  /** Folder of the ledger that says whose each entry is. */
  ledgerDir: string;
  /** Further keys of daemon.json in Docker's own spelling, e.g. `{ "live-restore": true }`. @default none */
  settings?: Record<string, unknown>;
  /** Restart Docker where a reload is not enough. @default false */
  allowRestart?: boolean;
  /** What to do about a value of somebody else's. @default "stop" */
  onConflict?: "stop" | "override";
  /** Changes when the cache behind the mirror is another one, so that the probe runs again. */
  cacheId: pulumi.Input<string>;
  /** Port of the cache. */
  cachePort: number;
  /** Image that the probe pulls through the cache, by digest. */
  cacheImage: string;
}

/** The Docker daemon's use of the cache: our entry in daemon.json, and the proof that a pull really goes through it. */
export class DockerDaemon extends pulumi.ComponentResource {
  constructor(name: string, args: DockerDaemonArgs, opts?: pulumi.ComponentResourceOptions) {
    super("gpu-build-host:components:DockerDaemon", name, {}, opts);

    const config = new DaemonConfig(
      `${name}-config`,
      {
        stack: args.stack,
        dockerHost: args.dockerHost,
        registryMirrors: args.registryMirrors,
        manage: args.manage,
        ledgerDir: args.ledgerDir,
        ...further(args),
      },
      { parent: this },
    );
    if (args.manage === "apply") {
      new command.local.Command(
        `${name}-probe`,
        {
          create: "sh -s",
          // On stdin: a failing command is printed whole, and this one is long.
          stdin: readFileSync(join(import.meta.dirname, "probe-mirror.sh"), "utf8"),
          environment: {
            DOCKER_HOST: args.dockerHost,
            CACHE_PORT: String(args.cachePort),
            CACHE_URL: args.registryMirrors[0] ?? "",
            CACHE_REPOSITORY: hubRepository(args.cacheImage),
            CACHE_DIGEST: args.cacheImage.replace(/^.*@/, ""),
          },
          triggers: [args.cacheId, args.registryMirrors.join(" ")],
          addPreviousOutputInEnv: false, // it would make the command's environment depend on its last run
        },
        { parent: this, dependsOn: config, deleteBeforeReplace: true },
      );
    }
    this.registerOutputs({});
  }
}

/** Only where there is something to say: most stacks have nothing but their mirror there. */
function further({ settings = {}, allowRestart, onConflict }: DockerDaemonArgs) {
  return {
    ...(Object.keys(settings).length > 0 && { settings }),
    ...(allowRestart && { allowRestart }),
    ...(onConflict === "override" && { onConflict }),
  };
}
