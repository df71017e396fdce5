import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
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
const packages = ["chromium-headless-shell", "fonts-dejavu-core"];

/** What general names of fonts mean: that stands in a configuration which need not be there. */
const families = [
  ["system-ui", "DejaVu Sans"],
  ["sans-serif", "DejaVu Sans"],
  ["monospace", "DejaVu Sans Mono"],
].map(
  ([name, font]) =>
    `<alias binding="same"><family>${name}</family><prefer><family>${font}</family></prefer></alias>`,
);

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
  const fonts = join(folder, "fonts.conf");
  // Its own place is known only now: the folder was made under another name. Fonts that the machine has were not fetched.
  const places = [join(files, "usr/share/fonts"), "/usr/share/fonts"].map((path) => `<dir>${path}</dir>`);
  writeFileSync(
    fonts,
    `<fontconfig>${places.join("")}${families.join("")}<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>\n`,
  );
  return {
    executablePath: join(files, "usr/lib/chromium/chromium-headless-shell"),
    env: { FONTCONFIG_FILE: fonts, LD_LIBRARY_PATH: libraryFolders(files).join(delimiter) },
  };
}

/** Folders with shared libraries; some of them are not where the loader looks by itself. */
function libraryFolders(files: string): string[] {
  const paths = ["lib", "usr/lib"].map((name) => join(files, name)).filter((folder) => existsSync(folder));
  const libraries = paths.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.so(\.\d+)*$/.test(path))
      .map((path) => dirname(join(folder, path))),
  );
  return [...new Set(libraries)];
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
