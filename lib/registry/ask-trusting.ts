import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { rootCertificates } from "node:tls";

/** What dockerd has for one registry below certs.d, as PEM text. */
export interface Trust {
  ca: string;
  cert?: string | undefined;
  key?: string | undefined;
}

/**
 * Status of a GET; a redirect is not followed. (`fetch` takes no certificates.)
 *
 * @throws Node's own error: `ECONNREFUSED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, …
 */
export function askTrusting(url: string, signal: AbortSignal, trust?: Trust): Promise<{ status: number }> {
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { signal, agent: false, ...(trust && { ...trust, ca: [...rootCertificates, trust.ca] }) },
      (answer) => {
        answer.destroy();
        resolve({ status: answer.statusCode ?? 0 });
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}
