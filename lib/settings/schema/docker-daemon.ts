import * as z from "zod";
import { logDriverProblem } from "../../daemon/document-problems.ts";
import { insecureRegistryProblem } from "../../daemon/registry-address.ts";
import { wholeNumber } from "./types.ts";

const yesOrNo = z.boolean("must be true or false");

/** Text that a rule of daemon.json's looks at. */
const ruled = (problem: (value: string) => string | undefined) =>
  z.string("must be text").superRefine((value, context) => {
    const message = problem(value);
    // The value follows the rule.
    if (message) context.addIssue({ code: "custom", message: message.replace(/^"[^"]*" /, "") });
  });

/** `dockerDaemon`: what the engine's daemon.json shall say. What is not given is left as it is. */
export const dockerDaemon = z
  .strictObject({
    manage: z
      .enum(
        ["apply", "print", "off"],
        'must be "apply" (edit daemon.json), "print" (say what to edit) or "off"',
      )
      .default("apply"),
    /** Restart Docker where a reload is not enough. Without it such a change is refused before anything is written. */
    allowRestart: yesOrNo.default(false),
    /** What to do where somebody else set another value: stop with both, or take it over and give it back on destroy. */
    onConflict: z
      .enum(["stop", "override"], 'must be "stop" or "override" (the former value is given back on destroy)')
      .default("stop"),
    /** Registries that are spoken to over HTTP or with any certificate: `host[:port]` or a network. */
    insecureRegistries: z
      .array(ruled(insecureRegistryProblem), 'must be a list such as ["registry.lan:5000"]')
      .default([]),
    /** Containers keep running while dockerd is stopped. */
    liveRestore: yesOrNo.optional(),
    /** Room for BuildKit's cache, and days that unused cache mounts (pip's downloads) stay. */
    builderGc: z
      .strictObject({
        keepGB: z.int(wholeNumber).min(1, "must be at least 1 GB").max(100_000, "must be at most 100000 GB"),
        cacheMountsKeepDays: z
          .int(wholeNumber)
          .min(1, "must be at least 1 day")
          .max(3650, "must be at most 3650"),
      })
      .optional(),
    logDriver: ruled(logDriverProblem).optional(),
    logOpts: z
      .record(
        z.string(),
        z.string({
          error: ({ input }) =>
            `must be text: Docker wants strings here, write ${JSON.stringify(String(input))}`,
        }),
        'must be an object such as {"max-size": "10m"}',
      )
      .optional(),
    /** The runtime `nvidia`, as the NVIDIA Container Toolkit sets it. */
    nvidiaRuntime: yesOrNo.optional(),
    /** Devices of the Container Device Interface; Engine 28.2 and newer has it on by itself. */
    cdi: yesOrNo.optional(),
    maxConcurrentDownloads: z
      .int(wholeNumber)
      .min(1, "must be at least 1")
      .max(100, "must be at most 100")
      .optional(),
    /** Any other key of daemon.json, in Docker's own spelling. */
    settings: z
      .record(z.string(), z.unknown(), 'must be an object such as {"shutdown-timeout": 30}')
      .default({}),
  })
  .prefault({});
