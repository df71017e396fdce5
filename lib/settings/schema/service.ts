import * as z from "zod";
import { argumentName, imageReference, secretSource, text, wholeNumber } from "./types.ts";

const smokeTest = z.strictObject({
  /** Command run in the image, without network. */
  command: z.array(z.string("must be text")).min(1, "must name a command"),
  /** Folder that the command finds as /smoke-test, relative to the project's folder. */
  folder: text.optional(),
  timeoutSeconds: z.int(wholeNumber).min(1, "must be at least 1 second").default(600),
});

/** `services.<name>`: one image of the user's. */
export const service = z.strictObject({
  /** Folder that is sent to the build, relative to the project's folder or absolute. */
  context: text,
  /** Path relative to the context. */
  dockerfile: text.default("Dockerfile"),
  target: text.optional(),
  args: z
    .record(
      argumentName,
      z.union([z.string(), z.number(), z.boolean()], "must be text, a number or true/false"),
    )
    .default({}),
  /** Further folders or images that the Dockerfile names. Same as `docker build --build-context`. */
  contexts: z.record(z.string(), text).default({}),
  secrets: z.record(z.string(), secretSource).default({}),
  network: z.enum(["default", "host", "none"], 'must be "default", "host" or "none"').optional(),
  /** Friendly tags. @default `<name>:cu<CUDA without the dot>` */
  tags: z.array(imageReference).min(1, "must name at least one tag").optional(),
  smokeTest: smokeTest.optional(),
});
