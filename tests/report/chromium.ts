import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { unpackPackages } from "../../sandbox/apt-packages.ts";
import { debianRelease, debianSources } from "../../sandbox/debian.ts";
import type { WorkOptions } from "../../sandbox/steps.ts";
import { ensureFolder, userCache } from "../../sandbox/user-cache.ts";

/** A browser to start: its program, and the variables that it needs. */
export interface Chromium {
  executablePath: string;
  env: Record<string, string>;
}

/** Without a window, a third of the whole browser's size; and letters to write with. */
const packages = ["chromium-headless-shell", "fontconfig-config", "fonts-dejavu-core"];

/** Debian's Chromium: the machine's own where there is one, else unpacked into the user's cache, nothing installed. */
export async function debianChromium(options: WorkOptions = {}): Promise<Chromium> {
  const own = onPath("chromium-headless-shell") ?? onPath("chromium");
  if (own) return { executablePath: own, env: {} };
  const release = debianRelease() ?? "bookworm";
  const folder = await ensureFolder(
    userCache("chromium", `${release}-${process.arch}-1`),
    (temporary) => unpack(temporary, release, options),
    options,
  );
  const files = join(folder, "files");
  const libraries = join(files, "usr/lib");
  const folders = readdirSync(libraries).filter((name) => name.endsWith("-linux-gnu"));
  const fonts = join(folder, "fonts.conf");
  // Its own place is known only now: the folder was made under another name.
  writeFileSync(
    fonts,
    `<fontconfig><dir>${join(files, "usr/share/fonts")}</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n`,
  );
  return {
    executablePath: join(libraries, "chromium/chromium-headless-shell"),
    env: {
      FONTCONFIG_FILE: fonts,
      LD_LIBRARY_PATH: folders
        .flatMap((name) => [join(libraries, name), join(files, "lib", name)])
        .join(delimiter),
    },
  };
}

async function unpack(folder: string, release: string, options: WorkOptions): Promise<void> {
  const files = join(folder, "files");
  mkdirSync(files);
  const sources = debianSources(release, "Chromium for the report's test");
  await unpackPackages(packages, sources, files, join(folder, "apt"), { ...options, withDependencies: true });
}

function onPath(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
