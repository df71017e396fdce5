/** Programs that a private engine needs. */
export interface EngineBinaries {
  kind: "machine" | "debian" | "go-build";
  /** Folder to put first on PATH; empty for the machine's own programs. */
  binDir: string;
  /** Folders with `docker-buildx` and `docker-compose`, besides those that the docker program looks into anyway. */
  pluginsDirs: string[];
  /** e.g. `"26.1.5+dfsg1"`. */
  version: string;
}

/** Lowest engine that the stack works with: BuildKit is its default builder from here on. */
export const lowestEngine = 23;

/** Engines that tests ask for: Debian's trixie (26.1) and testing (28.5 or newer), and Engine 29 from its Go module. */
export const engineReleases = ["trixie", "testing", "go29"] as const;
export type EngineRelease = (typeof engineReleases)[number];
