import { isIPv4, isIPv6 } from "node:net";

/** What is wrong with an entry for `insecure-registries`, or undefined: dockerd takes `host[:port]` or a network. */
export function insecureRegistryProblem(entry: string): string | undefined {
  const shown = JSON.stringify(entry.replace(/^(.*\/\/)?.*@/, "$1***@"));
  if (entry.includes("@")) return `${shown} holds a login: write host:port alone`;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(entry)?.[0];
  if (scheme)
    return `${shown} has a scheme: write host:port or a network such as "10.0.0.0/8", without ${scheme}`;
  if (entry.includes("/")) return networkProblem(entry, shown);
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry);
  const [host = "", port] = bracketed ? [bracketed[1], bracketed[2]] : entry.split(":");
  if (bracketed ? !isIPv6(host) : (entry.match(/:/g)?.length ?? 0) > 1)
    return `${shown} is no address: an IPv6 address needs brackets, such as "[::1]:5000"`;
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535 && /^\d+$/.test(port)))
    return `${shown} has the port "${port}": use 1–65535`;
  if (!bracketed && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host))
    return `${shown} is no host name: write host:port or a network such as "10.0.0.0/8"`;
  return undefined;
}

function networkProblem(entry: string, shown: string): string | undefined {
  const [address = "", bits = "", more] = entry.split("/");
  const limit = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  if (limit === 0) return `${shown} has a path: write host:port, or a network such as "10.0.0.0/8"`;
  const isGood = more === undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= limit;
  return isGood ? undefined : `${shown} is no network: write a length of 0–${limit} after the slash`;
}
