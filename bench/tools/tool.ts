import type { CudaSet } from "../workload.ts";

/**
 * What is to be brought up to date. `everything`: the registry cache and whatever else the way sets up, bases, services.
 * `images`: bases and services. `services`: what is built day by day. `whisperx`: that one service.
 */
export type Extent = "everything" | "images" | "services" | "whisperx";

/** What a way has no means for: not a fault of this run. */
export class ImpossibleError extends Error {}

/** How a build ended, beyond its time. */
export interface Built {
  /** What smoke tests added to the wall time. @default 0 */
  smokeSeconds?: number;
}

/** One way's program, as a person would run it. */
export interface Tool {
  build(set: CudaSet, extent: Extent): Promise<Built>;
  /** From now on the third service is built, too. */
  addService(): void;
  /** Builds a set beside the others, and moves the names without a version to it. */
  buildBeside(set: CudaSet): Promise<Built>;
  /** Starts an upgrade that this host's driver cannot run. @returns how it ended, e.g. `"refused"` */
  tryImpossible(set: CudaSet): Promise<string>;
  /** Seconds of a program of the same kind that does nothing, where that is known. */
  emptyProgram?(): Promise<number>;
  /**
   * Seconds that the torch base took when it was last built, its smoke test apart, and how many of them were `besides` torch:
   * pulling what it stands on, Debian's packages, uv, its check. Undefined where that is not known.
   */
  baseSeconds?(): Promise<{ base: number; besides: number } | undefined>;
}

export const builtAllTheSame = "not refused: built all the same";

/** `"cu126"` for CUDA 12.6. */
export function shortCuda({ cuda }: CudaSet): string {
  return `cu${cuda.replace(".", "")}`;
}

/** The variables that the compose files, the bake file and the guide's scripts read. */
export function setVariables(set: CudaSet): Record<string, string> {
  return {
    CUDA: set.cuda,
    CU: shortCuda(set),
    CUDA_BASE: set.image,
    CUDA_DEVEL: set.develImage,
    LOCK: set.lock,
    PACKAGE_INDEX: "", // PyPI's torch in every way
    TORCH_CUDA_ARCH_LIST: "8.6",
    SOURCE: "stand-in",
    FLASH_ATTN: "none",
    BUILD_NETWORK: "host",
    CA: certificates,
    ...(process.env["SSL_CERT_FILE"] && { SSL_CERT_FILE: process.env["SSL_CERT_FILE"] }),
  };
}

const certificates = process.env["SSL_CERT_FILE"] ?? "/dev/null";

/** The arguments by which RUN steps use a proxy; Docker leaves them out of cache keys and images. */
export function proxyArguments(proxy: string): string[] {
  return ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].map((name) => `${name}=${proxy}`);
}
