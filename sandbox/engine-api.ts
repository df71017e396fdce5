import { call } from "./http.ts";

/** What a healthy engine says about itself. */
export interface EngineVersion {
  /** e.g. `"26.1.5+dfsg1"`. */
  version: string;
  /** e.g. `"1.45"`. */
  apiVersion: string;
}

/** Version of the engine behind the socket; undefined if none answers in time. */
export async function engineVersion(socket: string, timeoutMs = 3000): Promise<EngineVersion | undefined> {
  try {
    const { status, body } = await call({
      to: { socket },
      path: "/version",
      headers: { Host: "docker" },
      timeoutMs,
    });
    const answer =
      status === 200 ? (JSON.parse(body.toString()) as { Version?: string; ApiVersion?: string }) : {};
    return answer.Version ? { version: answer.Version, apiVersion: answer.ApiVersion ?? "" } : undefined;
  } catch {
    return undefined;
  }
}
