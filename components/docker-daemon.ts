import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { hubRepository } from "../lib/images/image-reference.ts";
import { DaemonConfig, type DaemonConfigArgs } from "../provider/sdk.ts";

export interface DockerDaemonArgs extends DaemonConfigArgs {
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
