/** Engines whose configuration is not ours to write. */
export type ForeignKind =
  "remote" | "desktop" | "snap" | "nixos" | "rootless" | "windows" | "not-docker" | "container";

/** What a person pastes, and where, for an engine that we do not manage. One line and the text to paste. */
export function pasteAdvice(kind: ForeignKind, wanted: Record<string, unknown>): string {
  const entry = Object.entries(wanted)
    .map(([key, value]) => `${JSON.stringify(key)}: ${onOneLine(value)}`)
    .join(", ");
  switch (kind) {
    case "remote":
      return `on that machine put ${entry} into /etc/docker/daemon.json and run: sudo systemctl reload docker`;
    case "desktop":
      return `in Docker Desktop's Settings > Docker Engine add ${entry} and press "Apply & restart"`;
    case "snap":
      return `put ${entry} into /var/snap/docker/current/config/daemon.json and run: sudo snap restart docker`;
    case "nixos": {
      const lines = Object.entries(wanted).map(([key, value]) => `${key} = ${nixValue(value)};`);
      return `put virtualisation.docker.daemon.settings.${lines.join(" virtualisation.docker.daemon.settings.")} into the system's configuration and run: sudo nixos-rebuild switch`;
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

/** What `manage: print` says for an engine whose file we can see: `lines` are its entries as they shall be. */
export function printAdvice(
  file: string,
  lines: string[],
  host: { systemd: boolean; pid: number; restart: boolean },
): string {
  const reload = host.systemd ? "sudo systemctl reload docker" : `sudo kill -HUP ${host.pid}`;
  const restart =
    "sudo systemctl restart docker   (a reload is not enough; without live-restore it stops containers)";
  return [
    `manage: print leaves ${file} to you. Put this into it:`,
    ...lines.map((line, index) => `  ${line}${index < lines.length - 1 ? "," : ""}`),
    `then run: ${host.restart ? restart : reload}`,
    `and check: docker info --format '{{json .RegistryConfig.Mirrors}}'`,
  ].join("\n");
}

/** JSON on one line, lists with a space after each comma. */
export function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${onOneLine(inner)}`);
  return `{${members.join(", ")}}`;
}

function nixValue(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(nixValue).join(" ")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)} = ${nixValue(inner)};`);
  return `{ ${members.join(" ")} }`;
}
