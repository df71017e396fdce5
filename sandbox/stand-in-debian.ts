import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { formatSources } from "./apt-sources.ts";
import { debianRelease, debianSources } from "./debian.ts";
import type { StandInRecipe } from "./stand-in-image.ts";
import { silent, type WorkOptions } from "./steps.ts";

const release = "bookworm";
const packages = ["ca-certificates"];
const defaultKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** As in the images of Docker Hub: no service starts in a build, and apt keeps nothing that it has unpacked. */
const files: Record<string, { text: string; mode: number }> = {
  "usr/sbin/policy-rc.d": { text: "#!/bin/sh\nexit 101\n", mode: 0o755 },
  "etc/apt/apt.conf.d/docker-clean": {
    text: [
      'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };',
      'Dir::Cache::pkgcache "";',
      'Dir::Cache::srcpkgcache "";',
      'Acquire::Languages "none";',
      "",
    ].join("\n"),
    mode: 0o644,
  },
};

/** What NVIDIA's base images set, apart from the CUDA parts that a stand-in has not. */
const environment = {
  PATH: "/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LD_LIBRARY_PATH: "/usr/local/nvidia/lib:/usr/local/nvidia/lib64",
  NVIDIA_VISIBLE_DEVICES: "all",
  NVIDIA_DRIVER_CAPABILITIES: "compute,utility",
};

/**
 * Stand-in for `nvidia/cuda:<version>-base-<os>`: a Debian root file system with NVIDIA's variables and no CUDA files.
 * (torch brings CUDA's libraries; only the driver comes from outside.)
 *
 * @param name e.g. `"nvidia/cuda:12.6.3-base-ubuntu22.04"`.
 */
export function cudaStandIn(name: string): StandInRecipe {
  const cuda = /:(\d+(?:\.\d+)+)-/.exec(name)?.[1];
  return {
    name,
    what: `Debian ${release} with NVIDIA's variables, no CUDA files`,
    layer: {
      key: {
        revision: 1,
        release,
        packages,
        files,
        // The archive's address is part of the image: builds fetch packages from there.
        sources: formatSources(debianSources(release, "The stand-in for nvidia/cuda"), { keyrings: false }),
      },
      exclude: [
        "./dev/*",
        "./proc/*",
        "./sys/*",
        "./run/*",
        "./tmp/*",
        "./var/cache/apt/*",
        "./var/lib/apt/lists/*",
        "./var/log/*",
      ],
      make: makeRootFileSystem,
    },
    config: {
      Env: Object.entries({
        ...environment,
        ...(cuda && { CUDA_VERSION: cuda, NVIDIA_REQUIRE_CUDA: requirement(cuda) }),
      }).map(([variable, value]) => `${variable}=${value}`),
      Cmd: ["/bin/bash"],
    },
  };
}

function requirement(cuda: string): string {
  return `cuda>=${cuda.split(".").slice(0, 2).join(".")}`;
}

async function makeRootFileSystem(folder: string, scratch: string, options: WorkOptions): Promise<void> {
  // Loaded here, since the recipe alone is read at every start.
  const { execa } = await import("execa");
  const { unpackPackages } = await import("./apt-packages.ts");
  const step = (detail: string) => (options.onStep ?? silent)({ name: "stand-in for nvidia/cuda", detail });
  const sources = debianSources(release, "The stand-in for nvidia/cuda");
  const archive = sources.find((source) => source.suite === release);
  if (!archive) throw new UserError(`The machine's apt sources name no main archive of Debian ${release}.`);
  step("fetching debootstrap");
  const own = debianSources(debianRelease() ?? release, "debootstrap");
  const tool = join(scratch, "debootstrap");
  await unpackPackages(["debootstrap"], own, tool, join(scratch, "apt"), options);

  const keyring = archive.signedBy ?? defaultKeyring;
  const args = [
    "--variant=minbase",
    `--include=${packages.join(",")}`,
    ...(existsSync(keyring) ? [`--keyring=${keyring}`] : []),
  ];
  const running = execa(
    "unshare",
    // In name spaces of its own: its mounts are never seen outside, and none of its processes outlives it.
    [
      "--mount",
      "--propagation",
      "private",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      join(tool, "usr/sbin/debootstrap"),
      ...args,
      release,
      folder,
      archive.uri,
    ],
    {
      env: { DEBOOTSTRAP_DIR: join(tool, "usr/share/debootstrap"), LC_ALL: "C.UTF-8" },
      reject: false,
      all: true,
      stdin: "ignore",
      cancelSignal: options.signal,
      killSignal: "SIGKILL", // unshare ignores anything more polite while it waits
    },
  );
  for await (const line of running.iterable({ from: "all" }))
    step(String(line).replace(/^I: /, "").slice(0, 70));
  const result = await running;
  options.signal?.throwIfAborted();
  if (result.failed) {
    const lines = String(result.all ?? result.shortMessage).split("\n");
    throw new UserError(
      `The stand-in for nvidia/cuda cannot be made: debootstrap: ${lines.filter((line) => line.startsWith("E:")).join(" ") || lines.at(-1)}`,
    );
  }
  for (const [path, { text, mode }] of Object.entries(files))
    writeFileSync(join(folder, path), text, { mode });
  writeFileSync(join(folder, "etc/apt/sources.list"), formatSources(sources, { keyrings: false }));
  rmSync(join(folder, "var/cache/debconf"), { recursive: true, force: true });
  mkdirSync(join(folder, "var/cache/debconf"));
}
