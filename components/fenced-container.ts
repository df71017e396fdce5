/**
 * What containers of ours have in common: the host's network, on which each listens on loopback itself (a published port can
 * be reached from the LAN before Engine 28), nothing to write but volumes and tmpfs, no new privileges, bounded memory and log.
 * @param memoryMiB same as `docker run --memory`
 */
export function fenced(memoryMiB: number) {
  return {
    entrypoints: ["/bin/sh", "-c"],
    networkMode: "host",
    readOnly: true,
    securityOpts: ["no-new-privileges"],
    memory: memoryMiB,
    memorySwap: memoryMiB,
    logDriver: "json-file",
    logOpts: { "max-file": "3", "max-size": "10m" },
    restart: "unless-stopped",
    wait: true,
    waitTimeout: 90,
  };
}

/** An update of these in place does nothing, and two containers cannot have one name and port. */
export const fencedOptions = {
  replaceOnChanges: ["healthcheck", "tmpfs"],
  deleteBeforeReplace: true,
};
