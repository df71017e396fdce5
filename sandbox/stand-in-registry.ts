import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianRelease, debianSources } from "./debian.ts";
import type { StandInRecipe } from "./stand-in-image.ts";
import { silent, type WorkOptions } from "./steps.ts";
import { ensureRegistryBinary, registryBuild, registryVersion } from "./toolchain/registry-binary.ts";

/** Default settings of the image, as the published one has them. */
const settings = `version: 0.1
log:
  fields:
    service: registry
storage:
  delete:
    enabled: true
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
`;

/** As in Alpine, which the published image stands on; that one runs as root, too. */
const accounts = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
  "etc/group": "root:x:0:root\nnobody:x:65534:\n",
};

/**
 * Stand-in for Docker Hub's `registry` image: distribution's own binary and a static busybox on an empty file system.
 *
 * @param name e.g. `"registry:3.1.1"`.
 */
export function registryStandIn(name: string): StandInRecipe {
  return {
    name,
    what: `distribution ${registryVersion}'s own binary, with busybox`,
    layer: {
      key: { revision: 1, registry: registryBuild(), settings, accounts },
      exclude: [],
      make: makeRootFileSystem,
    },
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "OTEL_TRACES_EXPORTER=none"],
      Entrypoint: ["registry"],
      Cmd: ["serve", "/etc/distribution/config.yml"],
      ExposedPorts: { "5000/tcp": {} },
      Volumes: { "/var/lib/registry": {} },
    },
  };
}

async function makeRootFileSystem(folder: string, scratch: string, options: WorkOptions): Promise<void> {
  // Loaded here, since the recipe alone is read at every start.
  const { execa } = await import("execa");
  const { unpackPackages } = await import("./apt-packages.ts");
  const step = (detail: string) => (options.onStep ?? silent)({ name: "stand-in for registry", detail });
  const registry = await ensureRegistryBinary(options);
  step("fetching busybox");
  const release = debianRelease() ?? "bookworm";
  await unpackPackages(
    ["busybox-static"],
    debianSources(release, "busybox"),
    join(scratch, "busybox"),
    join(scratch, "apt"),
    options,
  );
  for (const path of ["bin", "etc/distribution", "tmp", "var/lib/registry"])
    mkdirSync(join(folder, path), { recursive: true });
  copyFileSync(registry, join(folder, "bin/registry"));
  const places = ["usr/bin/busybox", "bin/busybox"].map((path) => join(scratch, "busybox", path)); // by release
  copyFileSync(places.find((path) => existsSync(path)) ?? places[0]!, join(folder, "bin/busybox"));
  for (const program of ["registry", "busybox"]) chmodSync(join(folder, "bin", program), 0o755);
  const { stdout } = await execa(join(folder, "bin/busybox"), ["--list"]);
  for (const applet of stdout.split("\n").filter((line) => line && line !== "busybox")) {
    symlinkSync("busybox", join(folder, "bin", applet));
  }
  for (const [path, text] of Object.entries({ ...accounts, "etc/distribution/config.yml": settings })) {
    writeFileSync(join(folder, path), text, { mode: 0o644 });
  }
  chmodSync(join(folder, "tmp"), 0o1777);
}
