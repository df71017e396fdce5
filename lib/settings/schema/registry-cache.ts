import { z } from "zod";
import { pinnedImage, port, urlWithoutLogin, wholeNumber } from "./types.ts";

/** `registryCache`: the pull-through cache of the host. */
export const registryCache = z
  .strictObject({
    mode: z
      .enum(["own", "external"], 'must be "own" (this stack runs the cache) or "external" (another one does)')
      .default("own"),
    image: pinnedImage.default("registry:3.1.1"),
    /** Registry to mirror; dockerd mirrors Docker Hub only. */
    upstream: urlWithoutLogin.default("https://registry-1.docker.io"),
    /** Port on 127.0.0.1. */
    port: port.default(5000),
    /** Port on 127.0.0.1 for the registry's metrics; without it none are served. */
    metricsPort: port.optional(),
    // Without a unit the registry reads nanoseconds.
    ttl: z
      .string("must be text")
      .regex(/^\d+[smh]$/, 'must be a duration such as "168h"; "0s" keeps layers forever')
      .default("0s"),
    /** Same as `docker run --memory`, in MiB. */
    memoryMiB: z.int(wholeNumber).min(64, "must be at least 64").optional(),
    /** An existing volume with layers, taken over from another cache; it is kept on destroy. */
    volume: z
      .string("must be text")
      .regex(/^[a-zA-Z0-9][\w.-]+$/, 'must be the name of a volume such as "localai_registry-cache"')
      .optional(),
    /** Keep the cached layers when the stack is destroyed. */
    keepVolume: z.boolean("must be true or false").default(false),
  })
  .prefault({});
