/** What a rule says: `unknown` where no fact decides. */
export type Verdict = "works" | "fails" | "unknown";

/** Where a clash would show, the earliest place. */
export type Place = "install" | "build" | "import" | "start" | "run";

/** One thing that a rule looked at. */
export interface Fact {
  /** e.g. `"driver"` or `"torch"`. */
  name: string;
  /** e.g. `"550.54.14"`. */
  value: string;
  /** Where it stands: `"this host"`, `"gpu-build-host:cudaBase.torch"`, a file of the project, or an id of the data's sources. */
  from: string;
}

/** The answer of one rule about one combination. */
export interface Answer {
  /** The rule's name, e.g. `"driver-runs-toolkit"`. */
  rule: string;
  verdict: Verdict;
  /** Works, but under a condition that the user should read. */
  isWarning?: boolean;
  /** One sentence for the user, values included. */
  text: string;
  facts: Fact[];
  /** Where it would show; for `fails` and `unknown`. */
  place?: Place;
  /** What to change, one line. */
  fix?: string;
  /** Ids in the data's `sources`. */
  sources: string[];
}

/** A package version that a file of the project pins. */
export interface Pin {
  /** Normal name, e.g. `"flash-attn"`. */
  name: string;
  /** e.g. `"2.8.0.post2"`; with the local part where the file has one (`"2.7.1+cu128"`, `"2.8.0.post2+cu12torch2.7cxx11abiTRUE"`). */
  version: string;
  /** The one Python version of a wheel that is pinned as a file, e.g. `"3.10"`. */
  python?: string;
  /** File that says so, relative to the project, with the line where known: `"services/whisperx/locks/torch2.7.1-cu128-py310.lock:12"`. */
  from: string;
}

/** What a stack's settings and files ask for. */
export interface Combination {
  /** e.g. `"12.8"` */
  cuda: string;
  /** External image of the bases, e.g. `"nvidia/cuda:12.8.1-base-ubuntu22.04"`. */
  cudaImage: string;
  /** e.g. `"2.7.1"` */
  torch: string;
  /** e.g. `"3.10"` */
  python: string;
  /** Index of torch's wheels. @default PyPI */
  packageIndex?: string;
  /** Compute capabilities to compile for, e.g. `["8.6", "12.0+PTX"]`. */
  cudaArchitectures: string[];
  /** Pins by image, e.g. `{ "cuda-base-runtime": [...], whisperx: [...] }`; a service's include those of the base it stands on. */
  pins: Record<string, Pin[]>;
  /** Environment that a service's image or Dockerfile sets and rules ask for, by image, e.g. `XFORMERS_IGNORE_FLASH_VERSION_CHECK`. */
  environment?: Record<string, Record<string, string>>;
}

/** One GPU of a host. */
export interface Gpu {
  /** e.g. `"NVIDIA GeForce RTX 4090"` */
  name: string;
  /** e.g. `"8.9"`; undefined where nobody says. */
  computeCapability?: string;
}

/** What is known of the machine that will run the images; undefined is unknown. */
export interface HostFacts {
  /** Version of NVIDIA's driver, e.g. `"570.86.15"`. */
  driver?: string;
  /** An empty list: a host known to have none. */
  gpus?: Gpu[];
  /** Version of NVIDIA Container Toolkit, e.g. `"1.18.0"`. */
  containerToolkit?: string;
  /** How containers get the GPUs. */
  gpuAccess?: "runtime" | "cdi" | "none";
  isWsl?: boolean;
  /** Version of Docker Engine, e.g. `"28.5.1"`. */
  engine?: string;
  /** Where a fact comes from: `"this host"` or the setting; and why one is missing, by fact name. */
  from: Record<string, string>;
}
