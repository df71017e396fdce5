/** One CUDA version with the torch that goes with it. */
export interface CudaSet {
  cuda: string;
  torch: string;
  /** Folder of locks, as the Dockerfiles' argument LOCK names it. */
  lock: string;
  /** External image that the bases stand on. */
  image: string;
  /** External image that the guide's devel base stands on. */
  develImage: string;
  /** False where no service can follow to this torch: then only the bases are built. */
  hasServices: boolean;
  /** Text of the locks; undefined where the repository's own are taken. */
  locks?: Record<"nvidia" | "torch" | "python" | "whisperx" | "infinitetalk", string>;
}

/** What is built: the same images for every way. */
export interface Workload {
  kind: "quick" | "full";
  first: CudaSet;
  /** Takes the first one's place in the scenario "torch change". */
  change: CudaSet;
  /** Stands beside the others in the scenario "second CUDA stack". */
  second: CudaSet;
  /** Line for whisperx's lock in the scenario "dependency change". */
  dependency: string;
  /** Lock of the service that comes later. */
  oneMore: string;
  /** Debian packages that the guide's Dockerfiles install, by image; `service` is for whisperx and the one more. */
  apt: Record<
    "runtime" | "devel" | "whisperx" | "infinitetalk" | "before-infinitetalk" | "before-whisperx",
    string
  >;
  standIns: string[];
  /** Bytes that must be free. */
  freeBytes: number;
}

const python = "311";

function set(cuda: string, point: string, torch: string, further: Partial<CudaSet> = {}): CudaSet {
  return {
    cuda,
    torch,
    lock: `torch${torch}-cu${cuda.replace(".", "")}-py${python}`,
    image: `nvidia/cuda:${cuda}.${point}-base-ubuntu22.04`,
    develImage: `nvidia/cuda:${cuda}.${point}-devel-ubuntu22.04`,
    hasServices: true,
    ...further,
  };
}

const commonStandIns = ["a registry on 127.0.0.1 for Docker Hub", "distribution's binary for its image"];

const fastapi = ["fastapi==0.120.4", "starlette==0.49.1", "pydantic==2.12.3", "pydantic-core==2.41.4"];
const small = (torch: string, pillow: string): CudaSet["locks"] => ({
  nvidia: lines(`pillow==${pillow}`),
  torch: lines(`numpy==${torch}`),
  python: lines("typing-extensions==4.15.0", "packaging==25.0"),
  whisperx: lines(
    ...fastapi,
    ...["annotated-types==0.7.0", "typing-inspection==0.4.2", "annotated-doc==0.0.3", "anyio==4.11.0"],
    ...["idna==3.11", "sniffio==1.3.1", "uvicorn==0.38.0", "click==8.3.0", "h11==0.16.0"],
  ),
  infinitetalk: lines("fonttools==4.60.1"),
});

/** Images of some 100 MB, so that all of it takes minutes. */
export const quick: Workload = {
  kind: "quick",
  first: set("12.6", "3", "2.7.1", { locks: small("2.0.2", "11.3.0")! }),
  change: set("12.8", "1", "2.8.0", { locks: small("2.1.3", "11.2.1")! }),
  second: set("13.0", "2", "2.11.0", { locks: small("2.2.6", "11.1.0")! }),
  dependency: "iniconfig==2.1.0",
  oneMore: lines("orjson==3.11.3"),
  apt: {
    runtime: "",
    devel: "",
    whisperx: "",
    infinitetalk: "",
    "before-whisperx": "",
    "before-infinitetalk": "",
  },
  standIns: [
    ...commonStandIns,
    "numpy (20 MB) for torch",
    "pillow (8 MB) for NVIDIA's libraries",
    "Debian's Python on busybox for nvidia/cuda, base and devel",
    "fastapi for WhisperX",
    "fonttools for InfiniteTalk",
    "this project's Dockerfiles in small",
  ],
  freeBytes: 8e9,
};

/** The real thing: torch and WhisperX from PyPI, this repository's own Dockerfiles. */
export const full: Workload = {
  kind: "full",
  first: set("12.6", "3", "2.7.1"),
  change: set("12.8", "1", "2.8.0"),
  second: set("13.0", "2", "2.11.0", { hasServices: false }),
  dependency:
    "iniconfig==2.1.0 --hash=sha256:9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760",
  oneMore: lines("orjson==3.11.3"),
  apt: {
    runtime: "python3 python3-pip ca-certificates",
    devel: "python3 python3-pip ca-certificates build-essential ninja-build python3-dev",
    whisperx: "ffmpeg",
    infinitetalk: "ffmpeg",
    "before-whisperx": "python3 python3-pip ca-certificates ffmpeg",
    "before-infinitetalk":
      "python3 python3-pip ca-certificates ffmpeg build-essential ninja-build python3-dev",
  },
  standIns: [
    ...commonStandIns,
    "a Debian root file system for nvidia/cuda, base and devel (the real devel image has 8 GB)",
    "services/infinitetalk/stand-in for InfiniteTalk's source",
    "no flash-attn",
  ],
  freeBytes: 70e9,
};

function lines(...texts: string[]): string {
  return `${texts.join("\n")}\n`;
}
