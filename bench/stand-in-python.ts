import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unpackPackages } from "../sandbox/apt-packages.ts";
import { debianSources } from "../sandbox/debian.ts";
import type { StandInRecipe } from "../sandbox/stand-in-image.ts";
import { execa } from "execa";

const release = "bookworm";
const packages = [
  ...[
    "busybox-static",
    "python3",
    "python3-minimal",
    "python3.11",
    "python3.11-minimal",
    "libpython3-stdlib",
  ],
  ...["libpython3.11-minimal", "libpython3.11-stdlib", "python3-pip", "python3-setuptools", "python3-wheel"],
  ...["python3-pkg-resources", "python3-distutils", "python3-lib2to3", "libc6", "libgcc-s1", "libstdc++6"],
  ...["zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1"],
  ...["libcrypt1", "media-types"],
];

/**
 * Stand-in for `nvidia/cuda` in the quick mode: Debian's Python and pip on busybox, 60 MB, so that no build waits for apt.
 *
 * @param name e.g. `"nvidia/cuda:12.6.3-base-ubuntu22.04"`; what has `-devel-` in it is another layer, as NVIDIA's is
 */
export function pythonStandIn(name: string): StandInRecipe {
  const kind = name.includes("-devel-") ? "devel" : "base";
  return {
    name,
    what: `Debian ${release}'s Python and pip on busybox, no CUDA files`,
    layer: {
      key: { revision: 1, release, packages, kind },
      exclude: [],
      make: async (folder, scratch, options) => {
        const sources = debianSources(release, "The small stand-in for nvidia/cuda");
        await unpackPackages(packages, sources, folder, join(scratch, "apt"), options);
        for (const path of ["usr/share/doc", "usr/share/man", "usr/share/locale"])
          rmSync(join(folder, path), { recursive: true, force: true });
        await completeRoot(folder, kind);
      },
    },
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["sh"] },
  };
}

/** What packages make while they are installed: a shell's programs, the first user, the folder for secrets. */
async function completeRoot(folder: string, kind: string): Promise<void> {
  const busybox = ["bin/busybox", "usr/bin/busybox"].map((path) => join(folder, path)).find(existsSync);
  if (busybox === undefined) throw new Error("Debian's busybox-static holds no busybox");
  for (const path of ["bin", "etc", "tmp", "run", "proc", "sys", "dev", "root"])
    mkdirSync(join(folder, path), { recursive: true });
  if (busybox !== join(folder, "bin/busybox")) copyFileSync(busybox, join(folder, "bin/busybox"));
  const { stdout } = await execa(busybox, ["--list"]);
  for (const applet of stdout.split("\n"))
    if (applet !== "" && !existsSync(join(folder, "bin", applet)))
      symlinkSync("busybox", join(folder, "bin", applet));
  writeFileSync(join(folder, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(folder, "etc/group"), "root:x:0:\n");
  writeFileSync(join(folder, "etc/stand-in"), `${kind}\n`);
}
