import * as z from "zod";
import { pinnedImage, secretSource, urlWithoutLogin, version } from "./types.ts";

/** `cudaBase`: the shared CUDA and PyTorch images. */
export const cudaBase = z
  .strictObject({
    cuda: version("12.8")
      .regex(/^\d+\.\d+$/, 'must be major.minor such as "12.8"')
      .default("12.8"),
    torch: version("2.7.1")
      .regex(/^\d+\.\d+\.\d+$/, 'must be a full version such as "2.7.1"')
      .default("2.7.1"),
    python: version("3.10")
      .regex(/^3\.\d+$/, 'must be major.minor such as "3.10"')
      .default("3.10"),
    image: pinnedImage.default("nvidia/cuda:12.8.1-base-ubuntu22.04"),
    /** Index that has torch's wheels. @default PyPI, as pip and uv are set up */
    packageIndex: urlWithoutLogin.optional(),
    /** The same for an index that needs a login: its whole URL, as a build secret. */
    packageIndexSecret: secretSource.optional(),
    /** Compute capabilities that extensions are compiled for. Same as TORCH_CUDA_ARCH_LIST. */
    cudaArchitectures: z
      .array(z.string().regex(/^\d+\.\d+(\+PTX)?$/, 'must be a compute capability such as "8.6"'))
      .min(1)
      .default(["8.6", "8.9", "12.0"]),
  })
  .prefault({});
