import * as z from "zod";
import { port } from "./types.ts";

/** A repository without tag or digest; every image gets a tag of its own in it. */
const repository = z
  .string("must be text")
  .regex(
    /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/,
    'must be a repository with its registry, without scheme, login, tag and digest, such as "registry.example/build-cache"',
  )
  .refine(
    (value) => /[.:]|^localhost$/.test(value.slice(0, value.indexOf("/"))),
    'must begin with its registry: a name without a dot or port means Docker Hub, which is "docker.io/…"',
  );

/** `buildCache`: where build steps are kept for other machines, and for this one when its engine is lost. */
export const buildCache = z
  .strictObject({
    /** BuildKit's cache backends. `inline` keeps the steps of the image's own stage, in the image itself. */
    type: z.enum(["off", "inline", "registry"], 'must be "off", "inline" or "registry"').default("off"),
    ref: repository.optional(),
    /** Port on 127.0.0.1 of a registry that the stack runs itself, in place of `ref`. */
    port: port.optional(),
    /** Steps of all stages, or only those of the image's own one; of `registry` only. Same as in `--cache-to`. */
    mode: z.enum(["min", "max"], 'must be "min" or "max"').default("max"),
    /** Whether builds write to it; a machine that only reads needs no login that may write. */
    export: z.boolean("must be true or false").default(true),
  })
  .prefault({});
