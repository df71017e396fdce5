import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { proxyFor, readProxies } from "../../proxy/proxy.ts";
import { ownAddress } from "../../registry/cache-address.ts";
import { cachesOf, type CacheSettings } from "../../registry/cache-settings.ts";
import type { UpstreamAnswer } from "../upstream-answer.ts";
import { fail, isUnknown, ok, skip, warn, type CheckDefinition, type Facts, type Outcome } from "../types.ts";
import { withEngine } from "./docker-engine.ts";

export const netChecks: CheckDefinition[] = [
  {
    id: "net.dns",
    what: "The name of the upstream registry, resolved on this host.",
    fails: "there is no address for it",
    run: async ({ settings, started }) => {
      if (!started) return skip("the sandbox has never been started");
      const url = new URL(settings.registryCache.upstream);
      const name = url.hostname.replace(/^\[|\]$/g, "");
      if (proxyFor(url, readProxies(settings.proxy))) return skip(`the proxy looks up ${name}`);
      if (isIP(name)) return ok(`${name} is an address, no name`);
      try {
        return ok(`${name} is ${(await lookup(name)).address}`);
      } catch (error) {
        return fail(
          `${name} has no address: ${(error as NodeJS.ErrnoException).code}`,
          "check /etc/resolv.conf, and with: getent hosts " + name,
        );
      }
    },
  },
  {
    id: "net.upstream",
    what: "`GET /v2/` of each registry that a cache mirrors, by the way that the setting `proxy` gives; 200 and 401 are both good.",
    fails:
      "no connection, a TLS fault, a proxy's page or an error, while something is still to be built or fetched",
    warns:
      "the same while every image is there (what the cache holds can be pulled), or the answer took more than 3 s",
    limit: 25,
    run: async (facts) => {
      if (!facts.started) return skip("the sandbox has never been started");
      const outcome = worstOf(
        await Promise.all(cachesOf(facts.settings).map((cache) => askFor(cache, facts))),
      );
      if (outcome.status !== "FAIL") return outcome;
      const missing = await facts.missingImages();
      const nothingToDo = !isUnknown(missing) && missing.length === 0;
      return nothingToDo
        ? { ...outcome, status: "WARN", line: `${outcome.line}; what the cache holds can still be pulled` }
        : outcome;
    },
  },
  {
    id: "net.proxy",
    what: "The daemon's proxy: requests for the cache must not go to it.",
    fails: "HTTP_PROXY or HTTPS_PROXY is set, and NO_PROXY does not cover the cache's address on the network",
    warns:
      "the same for a cache on loopback: dockerd itself never sends loopback to a proxy, other programs do",
    run: (facts) =>
      withEngine(facts, (engine) => judgeProxy(engine, ownAddress(facts.settings.registryCache.bind))),
  },
];

async function askFor({ registry, upstream }: CacheSettings, facts: Facts): Promise<Outcome> {
  const setting = registry ? `registryCache.registries["${registry}"]` : "registryCache.upstream";
  return judgeUpstream(await facts.upstream(upstream), upstream, setting);
}

/** What is worst, from all that it is said of. */
function worstOf(outcomes: Outcome[]): Outcome {
  const status = (["FAIL", "WARN"] as const).find((one) =>
    outcomes.some((outcome) => outcome.status === one),
  );
  const worst = outcomes.filter((outcome) => outcome.status === (status ?? "OK"));
  const lines = worst.map(({ line }) => line).join("; ");
  const fixes = [...new Set(worst.flatMap(({ fix }) => fix ?? []))].join("; ");
  return { status: status ?? "OK", line: lines, ...(fixes && { fix: fixes }) };
}

/**
 * Also of `time.clock`: what is said where the clock makes a certificate look out of date.
 *
 * @param setting that names the upstream
 */
export function judgeUpstream(
  answer: UpstreamAnswer,
  upstream: string,
  setting = "registryCache.upstream",
): Outcome {
  if ("code" in answer) {
    const way = answer.throughProxy ? " through the proxy" : "";
    const line = `${upstream} cannot be reached${way}: ${answer.words}`;
    return fail(line, fixOf(answer.code, upstream, answer.throughProxy ? "the setting proxy" : setting));
  }
  const { status, isRegistry, contentType, seconds } = answer;
  if (contentType.includes("text/html") && !isRegistry)
    return fail(
      `${upstream} is answered by something else than a registry (status ${status}, ${contentType || "no type"}): a proxy or a login page`,
      "open the address in a browser; behind a company's proxy: the setting proxy",
    );
  if (status !== 200 && status !== 401)
    return fail(
      `${upstream} answers ${status}`,
      status === 429
        ? "wait, or log in to the registry: its limit is reached"
        : "wait, or see the registry's status page",
    );
  if (seconds > 3)
    return warn(`${upstream} took ${seconds.toFixed(1)} s to answer`, "check the line: curl -v " + upstream);
  return ok(`${upstream} answers ${status}`);
}

function fixOf(code: string, upstream: string, setting: string): string {
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/.test(code))
    return "check the clock first: timedatectl (see time.clock)";
  if (/CERT|SIGNED|ISSUER/.test(code))
    return "a company's certificate is missing: export SSL_CERT_FILE and NODE_EXTRA_CA_CERTS=/path/ca.pem, or set build.caBundle";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "see net.dns";
  return `check the line and ${setting}: curl -v ${upstream}/v2/`;
}

export function judgeProxy(
  { httpProxy, httpsProxy, noProxy }: { httpProxy: string; httpsProxy: string; noProxy: string },
  host: string,
): Outcome {
  const proxy = httpProxy || httpsProxy;
  if (!proxy) return ok("the daemon uses no proxy");
  const list = noProxy.split(",").map((entry) => entry.trim());
  if (list.some((entry) => covers(entry, host))) return ok(`the daemon's NO_PROXY covers ${host}`);
  const line = `the daemon has a proxy, and its NO_PROXY (${noProxy || "empty"}) does not cover the cache at ${host}`;
  const fix = `add to the daemon's environment (systemctl edit docker): NO_PROXY=${[...list.filter(Boolean), host].join(",")}`;
  return /^127\.|^\[?::1|^localhost$/.test(host)
    ? warn(`${line}; dockerd never sends loopback to a proxy, other programs do`, fix)
    : fail(line, fix);
}

/** One entry of NO_PROXY: a host, a domain with its subdomains, `*`, or an IPv4 network. */
function covers(entry: string, host: string): boolean {
  const name = entry.replace(/:\d+$/, "").replace(/^\*?\./, "");
  if (entry === "*" || name === host) return true;
  if (name === "localhost" && host === "127.0.0.1") return true;
  const [network = "", bits] = entry.split("/");
  if (bits !== undefined && isIP(network) === 4 && isIP(host) === 4) {
    const mask = Number(bits) === 0 ? 0 : (~0 << (32 - Number(bits))) >>> 0;
    return (numberOf(network) & mask) >>> 0 === (numberOf(host) & mask) >>> 0;
  }
  return name !== "" && host.endsWith(`.${name}`);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
