import assert from "node:assert/strict";
import { fixOf, lastError } from "../../lib/images/cache-trouble.ts";

/** Lines of distribution 3.1's log, as they were written in a trial; left out is what stands between. */
const line = (code: string, detail: string, uri: string) =>
  `time="2026-11-24T12:20:27Z" level=error msg="response completed with error" err.code=${code} err.detail=${detail} err.message="unknown error" http.request.uri=${uri} http.request.useragent=buildkit/v0.0-dev`;
const log = [
  line("unknown", '"toomanyrequests: "', '"/v2/nvidia/cuda/blobs/sha256:aa"'),
  line(
    "unknown",
    '"Get \\"http://up/v2/\\": dial tcp: connection refused"',
    "/v2/library/busybox/manifests/1",
  ),
  line('"blob unknown"', '"sha256:aa"', '"/v2/nvidia/cuda/blobs/sha256:aa"'),
  'time="2026-11-24T12:20:28Z" level=info msg="response completed" http.request.uri="/v2/nvidia/cuda/blobs/sha256:bb"',
].join("\n");

describe("the log of the registry cache", () => {
  it("tells why a repository's image could not be had, and not what only follows from it", () => {
    assert.equal(lastError(log, "nvidia/cuda"), "toomanyrequests");
    assert.equal(
      lastError(log, "library/busybox"),
      'Get "http://up/v2/": dial tcp: connection refused',
      "quotes are the log's",
    );
    assert.equal(lastError(log, "library/other"), undefined);
    assert.equal(lastError(log, "cuda"), undefined, "the end of a name is another one");
  });

  it("leads to what a person can do", () => {
    assert.match(fixOf("toomanyrequests"), /429/);
    assert.match(fixOf("write /var/lib/registry/x: no space left on device"), /docker system df/);
    assert.match(fixOf("dial tcp: lookup hub: no such host"), /registryCache\.upstream/);
    assert.match(fixOf("unexpected EOF"), /run again when the upstream is well/);
  });
});
