/** Where the files of a pull-through cache are looked at and removed: in its container, or in a test in a folder. */
export interface CacheVolume {
  /** The registry that it caches, as references have it, e.g. `"docker.io"`. */
  registry: string;
  /** Name of its container, for messages. */
  name: string;
  /**
   * Runs a POSIX shell script in the registry's root folder, as the user whom the files belong to.
   *
   * @param onLine gets each line of the output as it comes
   * @returns the whole output
   * @throws Error with the script's last words where it fails.
   */
  run(script: string, options?: { signal?: AbortSignal; onLine?: (line: string) => void }): Promise<string>;
  /**
   * What the registry wrote since a time (milliseconds since 1970): its access log on `"requests"`, the rest on `"messages"`.
   * Each line begins with its time, as `docker logs --timestamps` writes it.
   */
  log(of: "requests" | "messages", since: number): Promise<string>;
}

/** Folder of distribution's file system driver, below the registry's root folder. */
export const storeFolder = "docker/registry/v2";

/** Folder of a blob below {@link storeFolder}. */
export function blobFolder(digest: string): string {
  const hex = digest.replace("sha256:", "");
  return `blobs/sha256/${hex.slice(0, 2)}/${hex}`;
}
