import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { askMirror } from "../../lib/daemon/mirror-probe.ts";
import { startMirror } from "./mirror-stand-in.ts";

async function ask(
  answer: RequestListener | undefined,
  waitMs: number,
): Promise<{ error?: string; ms: number }> {
  const mirror = await startMirror(answer);
  const start = Date.now();
  try {
    const error = await askMirror(mirror.url, waitMs).then(
      () => undefined,
      (failure: Error) => failure.message,
    );
    return { ...(error === undefined ? {} : { error }), ms: Date.now() - start };
  } finally {
    await mirror.close();
  }
}

describe("askMirror", () => {
  it("is content with a registry, with or without a slash at the end", async () => {
    const mirror = await startMirror();
    await askMirror(mirror.url, 1000);
    await askMirror(`${mirror.url}/`, 1000);
    await mirror.close();
    assert.deepEqual(mirror.requests, ["GET /v2/", "GET /v2/"]);
  });

  it("waits for one that is just starting", async () => {
    let asked = 0;
    const { error } = await ask((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end(), 5000);
    assert.equal(error, undefined);
    assert.equal(asked, 3);
  });

  it("refuses what is no registry or asks for a login, at once", async () => {
    const notFound = await ask((_, response) => response.writeHead(404).end(), 10_000);
    assert.match(
      notFound.error!,
      /answers 404, so that is no registry: check host and port; daemon.json was not touched/,
    );
    const login = await ask((_, response) => response.writeHead(401).end(), 10_000);
    assert.match(login.error!, /asks for a login, which dockerd never sends to a mirror/);
    assert.ok(notFound.ms < 9_000 && login.ms < 9_000, "it waited for its limit of 10 s");
  });

  it("gives up in time on one that never answers or is not there", async () => {
    const silent = await ask(() => undefined, 700);
    assert.match(silent.error!, /gave no answer in .* s: see the registry's log/);
    assert.ok(silent.ms < 15_000, `${silent.ms} ms`);
    const gone = await startMirror();
    await gone.close();
    await assert.rejects(askMirror(gone.url, 300), /refuses the connection: is the registry running\?/);
  });

  it("stops when told to", async () => {
    const mirror = await startMirror(() => undefined);
    const start = Date.now();
    await assert.rejects(askMirror(mirror.url, 60_000, AbortSignal.timeout(100)));
    assert.ok(Date.now() - start < 30_000);
    await mirror.close();
  });
});
