import assert from "node:assert/strict";
import { npmCommand, setCommand } from "../../lib/settings/commands.ts";

describe("commands that are advised", () => {
  it("set a value of the stack that was looked at, in quotes where a shell would change the key", () => {
    assert.equal(
      setCommand("dev", "registryCache.port", "PORT"),
      "pulumi config set --stack dev --path gpu-build-host:registryCache.port PORT",
    );
    assert.equal(
      setCommand("sandbox", 'registryCache.registries["quay.io"].port', "PORT"),
      `pulumi config set --stack sandbox --path 'gpu-build-host:registryCache.registries["quay.io"].port' PORT`,
    );
  });

  it("name the stack where it is not the sandbox", () => {
    assert.equal(npmCommand("npm start", "sandbox"), "npm start");
    assert.equal(npmCommand("npm run doctor", "sandbox", "--fix"), "npm run doctor -- --fix");
    assert.equal(npmCommand("npm run doctor", "dev", "--fix"), "npm run doctor -- --stack dev --fix");
  });
});
