import { fetchBy } from "../proxy/fetch.ts";
import { proxyFor, type Proxies } from "../proxy/proxy.ts";

/** What a registry answers to `GET /v2/`: the question that needs no login. */
export type UpstreamAnswer =
  | {
      status: number;
      seconds: number;
      /** Its clock, in milliseconds since 1970; undefined where it sent none. */
      date?: number;
      /** Whether a registry spoke, not a proxy's page. */
      isRegistry: boolean;
      contentType: string;
    }
  | {
      code: string;
      words: string;
      date?: number;
      /** Set where the setting `proxy` sent the question through one. */
      throughProxy?: true;
    };

const certificateDates = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/;

/**
 * Asks the upstream by the way that the cache takes to it. Never throws.
 *
 * @param proxies those of the setting `proxy`
 */
export async function askUpstream(
  upstream: string,
  { timeoutMs = 8_000, proxies }: { timeoutMs?: number; proxies?: Proxies } = {},
): Promise<UpstreamAnswer> {
  const started = Date.now();
  const through = proxies && proxyFor(new URL(upstream), proxies) ? ({ throughProxy: true } as const) : {};
  try {
    const answer = await fetchBy(proxies, `${upstream.replace(/\/+$/, "")}/v2/`, {
      signal: AbortSignal.timeout(timeoutMs),
      redirect: "manual",
    });
    await answer.body?.cancel();
    return {
      status: answer.status,
      seconds: (Date.now() - started) / 1000,
      ...dateOf(answer),
      isRegistry: answer.headers.has("docker-distribution-api-version"),
      contentType: answer.headers.get("content-type") ?? "",
    };
  } catch (error) {
    if ((error as Error).name === "TimeoutError")
      return { code: "TIMEOUT", words: `no answer in ${timeoutMs / 1000} s`, ...through };
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    const code = cause?.code ?? "";
    return {
      code,
      words: cause?.message || (error as Error).message,
      ...(await dateInClear(upstream, code, proxies)),
      ...through,
    };
  }
}

/** A wrong clock makes every certificate look out of date; without TLS the server's own date can still be had. */
async function dateInClear(upstream: string, code: string, proxies?: Proxies): Promise<{ date?: number }> {
  if (!certificateDates.test(code)) return {};
  try {
    const url = new URL(upstream);
    const answer = await fetchBy(proxies, `http://${url.hostname}/`, {
      signal: AbortSignal.timeout(3_000),
      redirect: "manual",
    });
    await answer.body?.cancel();
    return dateOf(answer);
  } catch {
    return {};
  }
}

function dateOf(answer: Response): { date?: number } {
  const date = Date.parse(answer.headers.get("date") ?? "");
  return Number.isNaN(date) ? {} : { date };
}
