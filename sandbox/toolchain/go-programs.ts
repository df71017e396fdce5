import { join } from "node:path";

/** A program that is built from a locked Go module of this folder. */
export interface GoProgram {
  /** Name of the file. */
  name: string;
  /** Folder with go.mod and go.sum. */
  module: string;
  /** Package to build, as `go build` takes it. */
  package: string;
  version: string;
  tags?: string;
  /** For the linker, e.g. to set the version that the program reports. */
  linkerFlags?: string;
  /** Debian packages with headers and libraries for its C code; it is built with gcc then. */
  headers?: string[];
}

const folder = (name: string) => join(import.meta.dirname, name);
const pulumiVersion = "3.259.0";
// The language host reports the CLI's version too: both read the same variable.
const pulumiFlags = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${pulumiVersion}`;

/** The newest CLI that the Go module proxy serves. */
export const pulumiCli: GoProgram = {
  name: "pulumi",
  module: folder("cli"),
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  version: pulumiVersion,
  linkerFlags: pulumiFlags,
};

/** Later versions moved to a module of their own that the proxy does not serve. */
export const languageHost: GoProgram = {
  name: "pulumi-language-nodejs",
  module: folder("language-nodejs"),
  package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
  version: "3.68.0",
  linkerFlags: pulumiFlags,
};

/** A stand-in for Pulumi's docker plugin: the same Terraform provider, without `docker.Image`. Version of the npm package. */
export const dockerPlugin: GoProgram = {
  name: "pulumi-resource-docker",
  module: folder("docker"),
  package: ".",
  version: "5.2.0",
  tags: "no_compose", // as in the published plugin
};

/** The registry of the CNCF's distribution project. */
export const registry: GoProgram = {
  name: "registry",
  module: folder("registry"),
  package: "github.com/distribution/distribution/v3/cmd/registry",
  version: "3.1.1",
  linkerFlags: "-X github.com/distribution/distribution/v3/version.version=v3.1.1",
};

/** Engine 29: newer than any that Debian has. */
export const dockerd: GoProgram = {
  name: "dockerd",
  module: folder("engine"),
  package: "github.com/moby/moby/v2/cmd/dockerd",
  version: "29.0.0-beta.24",
  linkerFlags: "-X github.com/moby/moby/v2/dockerversion.Version=29.0.0-beta.24",
};

/** The runc that Engine 29 asks for: newer than this machine's C library lets Debian's be. */
export const runc: GoProgram = {
  name: "runc",
  module: folder("runc"),
  package: "github.com/opencontainers/runc",
  version: "1.3.4",
  tags: "seccomp",
  headers: ["libseccomp-dev"],
};
