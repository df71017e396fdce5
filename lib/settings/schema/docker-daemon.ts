import { z } from "zod";

/** `dockerDaemon`: what the engine's daemon.json shall say. */
export const dockerDaemon = z
  .strictObject({
    manage: z
      .enum(
        ["apply", "print", "off"],
        'must be "apply" (edit daemon.json), "print" (say what to edit) or "off"',
      )
      .default("apply"),
  })
  .prefault({});
