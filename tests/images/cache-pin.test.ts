import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { cachePin } from "../../lib/images/cache-pin.ts";
import { cacheAddress } from "../../lib/registry/cache-address.ts";

const digest = `@sha256:${"a".repeat(64)}`;

describe("pins at a registry cache", () => {
  for (const bind of ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", ...ownAddresses()])
    it(`are recognised where the cache listens on ${bind}`, () => {
      const address = cacheAddress({ bind, port: 5001 });
      assert.deepEqual(cachePin(`docker-image://${address}/nvidia/cuda${digest}`), {
        address,
        port: "5001",
        repository: "nvidia/cuda",
      });
    });

  it("name a repository without its tag", () => {
    const pin = cachePin(`docker-image://127.0.0.1:5000/library/busybox:1.37${digest}`);
    assert.equal(pin?.repository, "library/busybox");
  });

  it("are not those at a registry elsewhere, images of the engine and folders", () => {
    for (const context of [
      `docker-image://203.0.113.7:5000/nvidia/cuda${digest}`,
      `docker-image://[2001:db8::7]:5000/nvidia/cuda${digest}`,
      `docker-image://registry.example:5000/nvidia/cuda${digest}`,
      `docker-image://docker.io/nvidia/cuda${digest}`,
      "docker-image://localhost:1/dev/runtime:0123456789abcdef",
      "/srv/shared",
    ])
      assert.equal(cachePin(context), undefined, context);
  });
});

/** Of this machine, beside loopback. Link-local ones need a zone to be of use. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all
    .filter(({ internal, address }) => !internal && !/^fe80/.test(address))
    .map(({ address }) => address);
}
