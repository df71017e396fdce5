/** One line of a bill. */
export interface BillPart {
  /** e.g. `"torch 2.8.0, nvidia-nccl-cu12 2.27.3 and 3 more"` */
  what: string;
  /** Bytes; null where nobody knows. */
  bytes: number | null;
  /** Where the number comes from, or why there is none. */
  why: string;
  kind: "layers" | "packages" | "system packages" | "other";
  /** Images that want it first. */
  images: string[];
}

/** What the images that will be rebuilt cost: plain JSON. */
export interface Bill {
  /** From outside: registries, package indexes, archives. */
  fetch: {
    /** Sum of what is known. */
    bytes: number;
    parts: BillPart[];
    /** Parts without a number, one line each. */
    unknown: string[];
    /** Bytes that need not be fetched: cache mounts of this engine hold them. */
    held: number;
    /** Bytes of layers that the registry cache gives instead of its upstream. */
    fromCache: number;
  };
  /** On the engine's disk. */
  disk: {
    /** Bytes that are written and stay; null where nothing can be said. */
    bytes: number | null;
    parts: BillPart[];
    unknown: string[];
    /** Bytes that may be written now; null without an engine of this machine. */
    available: number | null;
    /** Bytes left afterwards. */
    left: number | null;
    /** False where it does not fit; true where it does or nobody knows. */
    fits: boolean;
  };
  minutes: {
    /** null where nothing is rebuilt or nothing is known. */
    value: number | null;
    basis: "history" | "estimate";
    why: string;
  };
  /** What the wanted images have in common with what is there. */
  shared: {
    /** Bytes of layers that are reused as they are. */
    bytes: number;
    /** Other stacks of this engine that have the same layers. */
    stacks: { stack: string; images: string[]; bytes: number }[];
  };
  /** `nothing here`: no engine was asked, so everything counts as to be fetched. */
  basis: "engine" | "nothing here";
}
