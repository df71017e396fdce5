import * as z from "zod";
import { text, version } from "./types.ts";

const gpuRule = 'must be a name such as "RTX 4090", a compute capability in quotes such as "8.9", or both';

const computeCapability = version("8.9").regex(
  /^\d{1,2}\.\d$/,
  'must be a compute capability such as "8.9" (nvidia-smi --query-gpu=compute_cap --format=csv)',
);

/** `host`: what is known of the machine that will run the images, said by hand; it wins over what this machine says of itself. */
export const host = z
  .strictObject({
    /** Version of NVIDIA's driver, as nvidia-smi prints it. */
    driver: version("570.86.15")
      .regex(
        /^\d{3}(\.\d{1,3}){0,2}$/,
        'must be a driver version such as "570.86.15" (nvidia-smi --query-gpu=driver_version --format=csv)',
      )
      .optional(),
    /** GPUs; an empty list is a machine without any. */
    gpus: z
      .array(
        z.union(
          [
            z.string().min(1, gpuRule).max(120, gpuRule),
            z.strictObject({ name: text, computeCapability: computeCapability.optional() }),
          ],
          gpuRule,
        ),
        'must be a list such as ["RTX 4090"]',
      )
      .optional(),
  })
  .prefault({});
