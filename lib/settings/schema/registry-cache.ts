import { isIP } from "node:net";
import * as z from "zod";
import { registryUrlProblem } from "../../registry/registry-url.ts";
import { pinnedImage, port, secretSource, size, text, wholeNumber } from "./types.ts";

const registryUrl = z.string("must be a URL").superRefine((value, context) => {
  const problem = registryUrlProblem(value);
  if (problem) context.addIssue({ code: "custom", message: problem });
});

const absolutePath = z.string("must be text").startsWith("/", "must be an absolute path");

/** Login at the upstream; its password stays in a file or a variable. */
const login = z.strictObject(
  {
    username: text,
    password: z.union(secretSource.options, {
      error: ({ input }) =>
        input === undefined
          ? 'must be {file: "/path"} or {env: "NAME"}: a user name alone is no login'
          : 'must be {file: "/path"} or {env: "NAME"}: the password itself never stands in a setting',
    }),
  },
  'must be {username: "me", password: {file: "/path"}}',
);

/** PEM files of a cache that other machines may reach. */
const tls = z.strictObject({
  /** The cache's certificate, with the intermediate ones below it. */
  certificate: absolutePath,
  key: absolutePath,
  /** Certificate that clients trust. @default the certificate itself, where it is self-signed */
  ca: absolutePath.optional(),
  /** Only clients with a certificate of this CA may use the cache. */
  clientCa: absolutePath.optional(),
  /** What this host's own engine shows then. */
  clientCertificate: absolutePath.optional(),
  clientKey: absolutePath.optional(),
});

/** `registryCache.registries.<host>`: a further cache, for a registry that is not Docker Hub. */
const registry = z.strictObject({
  /** Port on 127.0.0.1. */
  port,
  /** @default `https://` and the registry's name */
  upstream: registryUrl.optional(),
  login: login.optional(),
});

const registryName = z
  .string()
  .regex(
    /^(?=.{1,255}$)(?!(registry-1\.|index\.)?docker\.io$)[a-z0-9][a-z0-9.-]*\.[a-z][a-z0-9-]*(:\d{1,5})?$/,
    'must be the host of a registry such as "nvcr.io"; Docker Hub\'s cache is registryCache itself',
  );

/** `registryCache`: the pull-through caches of the host. */
export const registryCache = z
  .strictObject({
    mode: z
      .enum(["own", "external"], 'must be "own" (this stack runs the cache) or "external" (another one does)')
      .default("own"),
    image: pinnedImage.default("registry:3.1.1"),
    /** Registry to mirror; dockerd mirrors Docker Hub only. */
    upstream: registryUrl.default("https://registry-1.docker.io"),
    /** Login at the upstream, for Docker Hub's limits and private images. */
    login: login.optional(),
    /** Address to listen on. */
    bind: z
      .string("must be text")
      .refine(
        (value) => isIP(value) !== 0 && !value.includes("%"),
        "must be an IP address such as 127.0.0.1 (IPv6 without brackets and zone)",
      )
      .default("127.0.0.1"),
    /** Port on `bind`. */
    port: port.default(5000),
    tls: tls.optional(),
    /** Port on 127.0.0.1 for the registry's metrics; without it none are served. */
    metricsPort: port.optional(),
    // Without a unit the registry reads nanoseconds.
    ttl: z
      .string("must be text")
      .regex(/^\d+[smh]$/, 'must be a duration such as "168h"; "0s" keeps layers forever')
      .default("0s"),
    /** Disk that the layers of all these caches may take together. @default no limit */
    maxSize: size('must be a size such as "100GB" or "500MiB"').optional(),
    /** Same as `docker run --memory`, in MiB. */
    memoryMiB: z.int(wholeNumber).min(64, "must be at least 64").default(512),
    /** An existing volume with layers, taken over from another cache; it is kept on destroy. */
    volume: z
      .string("must be text")
      .regex(/^[a-zA-Z0-9][\w.-]+$/, 'must be the name of a volume such as "localai_registry-cache"')
      .optional(),
    /** Keep the cached layers when the stack is destroyed. */
    keepVolume: z.boolean("must be true or false").default(false),
    /** Further caches, by the registry's host; Engine 28 and newer read who has one. */
    registries: z.record(registryName, registry).default({}),
  })
  .prefault({});
