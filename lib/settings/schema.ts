import * as z from "zod";
import { buildCache } from "./schema/build-cache.ts";
import { cudaBase } from "./schema/cuda-base.ts";
import { dockerDaemon } from "./schema/docker-daemon.ts";
import { host } from "./schema/host.ts";
import { packageCache } from "./schema/package-cache.ts";
import { proxy } from "./schema/proxy.ts";
import { registryCache } from "./schema/registry-cache.ts";
import { service } from "./schema/service.ts";
import { imageName, size, text, versionHash, wholeNumber } from "./schema/types.ts";

/** Every setting of a stack. The table in the README says the same in words; a test compares the two. */
export const schema = z.strictObject({
  /** True only in the stack `sandbox`: engine, upstream and ports come from the private engine of `npm start`. */
  sandbox: z.boolean("must be true or false").default(false),
  engine: z
    .strictObject({
      host: z
        .string("must be text")
        .regex(
          /^unix:\/\/\/.+/,
          'must be a local engine such as "unix:///var/run/docker.sock"; ssh and tcp engines are not managed',
        )
        .default("unix:///var/run/docker.sock"),
      /** Network of RUN steps in every build. Same as `docker build --network`. */
      network: z.enum(["default", "host", "none"], 'must be "default", "host" or "none"').default("default"),
    })
    .prefault({}),
  proxy,
  registryCache,
  packageCache,
  dockerDaemon,
  cudaBase,
  host,
  /** Rules of `npm run plan` that may fail without stopping preview and up, e.g. `["driver-runs-toolkit"]`; each use is written down. */
  allowIncompatible: z
    .array(
      z
        .string("must be the name of a rule")
        .regex(
          /^[a-z0-9]+(-[a-z0-9]+)*$/,
          'must be the name of a rule, as npm run plan prints it, such as "driver-runs-toolkit"',
        ),
      'must be a list of rules, as npm run plan prints them, such as ["driver-runs-toolkit"]',
    )
    .default([]),
  services: z.record(imageName, service).default({}),
  build: z
    .strictObject({
      /** Certificates for HTTPS inside builds, as the build secret `ca`. @default the file that SSL_CERT_FILE names */
      caBundle: text.optional(),
      /** Minutes without any sign of progress until a build is stopped. */
      idleMinutes: z.int(wholeNumber).min(1, "must be at least 1 minute").default(30),
      /** Builds that run side by side. @default what cores, memory and disk allow when the first begins */
      parallel: z.int(wholeNumber).min(1, "must be at least 1").max(64, "must be at most 64").optional(),
    })
    .prefault({}),
  buildCache,
  promote: z
    .strictObject({
      /** Friendly tags move only to images whose smoke test had a GPU. */
      requireGpu: z.boolean("must be true or false").default(false),
    })
    .prefault({}),
  /** Earlier versions that images stay at, by image; `npm run rollback` writes them. */
  pinnedVersions: z.record(imageName, versionHash).default({}),
  /** Versions of each image that stay for going back. */
  keepVersions: z.int(wholeNumber).min(1, "must be at least 1").max(50, "must be at most 50").default(3),
  /** Disk that all former versions may take beside the current ones; the oldest go first. Docker's word for it. */
  keepStorage: size('must be a size such as "100GB" or "0.5GiB"; "0" keeps no former version').default(
    "100GB",
  ),
  /** Ending of every friendly tag, so that two stacks of one CUDA version share an engine. */
  variant: z
    .string("must be text")
    .regex(/^[a-z0-9][a-z0-9_.-]{0,30}$/, "must be lower case letters, digits and . _ -")
    .optional(),
  /** Let friendly tags move off images that this program did not build; they are given back on destroy. */
  adoptTags: z.boolean("must be true or false").default(false),
  /**
   * Folder for build history and ledgers; stacks of one engine must share it.
   * @default /var/lib/gpu-build-host for root, else ~/.local/share/gpu-build-host
   */
  stateDir: z.string("must be text").startsWith("/", "must be an absolute path").optional(),
  /** Counters of forced rebuilds, by image; `npm run rebuild` writes them. */
  rebuilds: z
    .record(
      imageName,
      z.strictObject({ count: z.int(wholeNumber).min(1), noCache: z.boolean().default(false) }),
    )
    .default({}),
});

/** What the settings files may say. */
export type RawSettings = z.infer<typeof schema>;
