import assert from "node:assert/strict";
import { readableErrors } from "../../cli/readable-errors.ts";

const cause =
  'Unable to read Docker image into resource: unable to pull image registry@sha256:5c0f: Error response from daemon: Get "https://registry.example/v2/": no such host';

describe("readableErrors", () => {
  it("says once what the docker plugin says several times", () => {
    const lines = readableErrors([
      {
        name: "registry-cache-image",
        message: `sdk-v2/provider2.go:572: sdk.helper_schema: ${cause}: provider=docker@5.2.0`,
      },
      { name: "registry-cache-image", message: `1 error occurred:\n\t* ${cause}` },
      {
        name: "registry-cache-image",
        message: `creating urn:pulumi:a::b::c::registry-cache-image: 1 error occurred:\n\t* ${cause}\n\n`,
      },
    ]);
    assert.deepEqual(lines, [`registry-cache-image: ${cause}`]);
  });

  it("drops what only says that something failed", () => {
    const lines = readableErrors([
      { name: "slow", message: 'image "slow" does not build' },
      { name: "gpu-build-host-sandbox", message: "update failed" },
      {
        message:
          "Detected that /home/me/plugins/pulumi-resource-docker exited prematurely. \n       This is *always* a bug in the provider. Please report the issue",
      },
    ]);
    assert.deepEqual(lines, ['slow: image "slow" does not build']);
  });

  it("shows the program's own words without the stack's name", () => {
    const message =
      "Invalid settings in Pulumi.dev.yaml:\n  gpu-build-host:registryCache.port must be 1–65535, got 99999";
    assert.deepEqual(readableErrors([{ name: "gpu-build-host-dev", message }]), [message]);
  });

  it("explains a provider that is gone", () => {
    const message =
      "updating urn:pulumi:a::b::c::slow: rpc error: code = Unavailable desc = error reading from server: EOF";
    assert.deepEqual(readableErrors([{ name: "slow", message }]), [
      "slow: the provider of this project ended in the middle of its work. Run the same command again to go on",
    ]);
  });

  it("keeps errors of different resources apart", () => {
    const lines = readableErrors([
      { name: "a", message: "no space" },
      { name: "b", message: "no space" },
    ]);
    assert.deepEqual(lines, ["a: no space", "b: no space"]);
  });
});
