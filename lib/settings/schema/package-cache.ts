import * as z from "zod";
import { port, size, urlWithoutLogin } from "./types.ts";

const storage = size('must be a size such as "20GB" or "0.5GiB"');

/** `packageCache`: caches for the packages that builds fetch, and a store for the wheels that they compile. */
export const packageCache = z
  .strictObject({
    mode: z
      .enum(
        ["off", "own", "external"],
        'must be "off", "own" (this stack runs it) or "external" (another stack does)',
      )
      .default("off"),
    /** Index that builds are sent to in place of their own default one. */
    pythonIndex: urlWithoutLogin.default("https://pypi.org/simple"),
    /** Port for Python packages and wheels. */
    pythonPort: port.default(3141),
    /** Port for Debian packages: a forward proxy. */
    debianPort: port.default(3142),
    /** Disk for Python packages; the least recently used go first. */
    pythonStorage: storage.default("30GB"),
    debianStorage: storage.default("5GB"),
    /** Disk for wheels that builds have compiled. */
    wheelStorage: storage.default("10GB"),
    /** Keep all of it when the stack is destroyed. */
    keepVolume: z.boolean("must be true or false").default(false),
  })
  .prefault({});
