/** Engines whose configuration is not ours to write. */
export type ForeignKind =
  "remote" | "desktop" | "snap" | "nixos" | "rootless" | "windows" | "not-docker" | "container";

/** What a person pastes, and where, for an engine that we do not manage. One line and the text to paste. */
export function pasteAdvice(kind: ForeignKind, mirrors: string[]): string {
  const entry = `"registry-mirrors": ${jsonList(mirrors)}`;
  switch (kind) {
    case "remote":
      return `on that machine put ${entry} into /etc/docker/daemon.json and run: sudo systemctl reload docker`;
    case "desktop":
      return `in Docker Desktop's Settings > Docker Engine add ${entry} and press "Apply & restart"`;
    case "snap":
      return `put ${entry} into /var/snap/docker/current/config/daemon.json and run: sudo snap restart docker`;
    case "nixos": {
      const list = mirrors.map((mirror) => JSON.stringify(mirror)).join(" ");
      return `put virtualisation.docker.daemon.settings.registry-mirrors = [ ${list} ]; into the system's configuration and run: sudo nixos-rebuild switch`;
    }
    case "rootless":
      return `put ${entry} into ~/.config/docker/daemon.json and run: systemctl --user reload docker`;
    case "windows":
      return `put ${entry} into C:\\ProgramData\\docker\\config\\daemon.json and restart the service`;
    case "not-docker":
      return "use Docker Engine 23 or newer; another engine has its own list of mirrors";
    case "container":
      return `put ${entry} into the daemon.json inside that container and reload its dockerd`;
  }
}

/** What `manage: print` says for an engine whose file we can see. */
export function printAdvice(file: string, wanted: string[], systemd: boolean, pid: number): string {
  const reload = systemd ? "sudo systemctl reload docker" : `sudo kill -HUP ${pid}`;
  return [
    `manage: print leaves ${file} to you. Put this into it:`,
    `  "registry-mirrors": ${jsonList(wanted)}`,
    `then run: ${reload}`,
    `and check: docker info --format '{{json .RegistryConfig.Mirrors}}'`,
  ].join("\n");
}

function jsonList(values: string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}
