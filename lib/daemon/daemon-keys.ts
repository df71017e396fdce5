/** What dockerd does with one key of daemon.json. Read in moby's daemon/reload.go, reload_unix.go and config.go, 23.0 to 29. */
interface DaemonKey {
  /** A reload takes a new value. @default false: only a restart does */
  reloads?: true;
  /** JSON text that undoes the key in a running daemon, which takes no notice of a key that is gone. */
  undo?: string;
  /** A reload without the key goes back to the default by itself. */
  resets?: true;
  /** List of texts in which every element stands for itself: several stacks may add to it. */
  list?: true;
}

const plain: DaemonKey = {};
const reset: DaemonKey = { reloads: true, resets: true };
const undone = (undo: string): DaemonKey => ({ reloads: true, undo });

/** Every key that dockerd takes in daemon.json on Linux; any other keeps it from starting. */
export const DAEMON_KEYS: Record<string, DaemonKey> = {
  "allow-nondistributable-artifacts": { reloads: true, undo: "[]", list: true },
  "insecure-registries": { reloads: true, undo: "[]", list: true },
  "registry-mirrors": { reloads: true, undo: "[]", list: true },
  labels: { reloads: true, undo: "[]", list: true },
  "live-restore": undone("false"),
  debug: undone("false"),
  runtimes: undone("{}"),
  "default-runtime": undone('"runc"'),
  "default-shm-size": undone('"64M"'),
  "default-ipc-mode": undone('"private"'),
  "shutdown-timeout": undone("15"),
  // Without the key dockerd keeps the old value, and its default depends on the host's cgroups.
  "default-cgroupns-mode": { reloads: true },
  "default-stop-timeout": { reloads: true },
  "max-concurrent-downloads": reset,
  "max-concurrent-uploads": reset,
  "max-download-attempts": reset,
  "network-diagnostic-port": reset,
  "authorization-plugins": reset,
  "nri-opts": reset,
  // Which parts of it, says `featureReloads`.
  features: reset,
  dns: { list: true },
  "dns-opts": { list: true },
  "dns-search": { list: true },
  "cdi-spec-dirs": { list: true },
  ...Object.fromEntries(
    [
      "allow-direct-routing, api-cors-header, bip, bip6, bridge, bridge-accept-fwmark, builder, cgroup-parent, containerd",
      "containerd-namespace, containerd-plugin-namespace, cpu-rt-period, cpu-rt-runtime, cri-containerd, data-root",
      "default-address-pools, default-gateway, default-gateway-v6, default-network-opts, default-ulimits, exec-opts",
      "exec-root, experimental, firewall-backend, fixed-cidr, fixed-cidr-v6, group, host-gateway-ip, host-gateway-ips",
      "hosts, icc, init, init-path, ip, ip-forward, ip-forward-no-drop, ip-masq, ip6tables, iptables, ipv6, log-driver",
      "log-format, log-level, log-opts, metrics-addr, mtu, network-control-plane-mtu, no-new-privileges",
      "node-generic-resources, oom-score-adjust, pidfile, proxies, raw-logs, rootless, seccomp-profile, selinux-enabled",
      "storage-driver, storage-opts, swarm-default-advertise-addr, swarm-raft-election-tick, swarm-raft-heartbeat-tick",
      "tls, tlscacert, tlscert, tlskey, tlsverify, userland-proxy, userland-proxy-path, userns-remap",
    ].flatMap((line) => line.split(", ").map((key) => [key, plain])),
  ),
};

/** Parts of `features` that a running daemon looks at again; the others (`cdi`, `containerd-snapshotter`) count at start. */
export function featureReloads(name: string): boolean {
  return name === "buildkit";
}

/** Keys whose list is shared element by element. */
export const SHARED_LISTS = Object.keys(DAEMON_KEYS).filter((key) => DAEMON_KEYS[key]?.list);

/** Log drivers that come with dockerd on Linux. */
export const LOG_DRIVERS = [
  "none",
  "local",
  "json-file",
  "syslog",
  "journald",
  "gelf",
  "fluentd",
  "awslogs",
  "splunk",
  "gcplogs",
];

/** Runtimes that dockerd knows without an entry in `runtimes`. */
export const BUILT_IN_RUNTIMES = ["runc", "io.containerd.runc.v2"];

/** Flags that are spelled otherwise than their key. */
const FLAG_KEYS: Record<string, string> = {
  "insecure-registry": "insecure-registries",
  "registry-mirror": "registry-mirrors",
  "allow-nondistributable-artifact": "allow-nondistributable-artifacts",
  label: "labels",
  "log-opt": "log-opts",
  "storage-opt": "storage-opts",
  "exec-opt": "exec-opts",
  "dns-opt": "dns-opts",
  "default-ulimit": "default-ulimits",
  "default-address-pool": "default-address-pools",
  "default-network-opt": "default-network-opts",
  "authorization-plugin": "authorization-plugins",
  "node-generic-resource": "node-generic-resources",
  "cdi-spec-dir": "cdi-spec-dirs",
  "host-gateway-ip": "host-gateway-ips",
  "add-runtime": "runtimes",
  feature: "features",
  host: "hosts",
  "http-proxy": "proxies",
  "https-proxy": "proxies",
  "no-proxy": "proxies",
  H: "hosts",
  D: "debug",
  G: "group",
  l: "log-level",
  p: "pidfile",
  s: "storage-driver",
  b: "bridge",
};

/** The key that a flag of dockerd stands for; its name without dashes. */
export function keyOfFlag(flag: string): string {
  return FLAG_KEYS[flag] ?? flag;
}

/** Flags that take no value of their own: `--live-restore`, `--live-restore=false`. */
export const BOOLEAN_FLAGS = new Set([
  ..."allow-direct-routing cri-containerd D debug experimental help icc init ip-forward ip-forward-no-drop".split(
    " ",
  ),
  ..."ip-masq ip6tables iptables ipv6 live-restore no-new-privileges raw-logs rootless selinux-enabled tls".split(
    " ",
  ),
  ..."tlsverify userland-proxy v validate version".split(" "),
]);
