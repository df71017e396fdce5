import { randomUUID } from "node:crypto";
import { chmod, chown, mkdir, open, readFile, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { helperAnswer, type CacheLogin } from "../registry/cache-login.ts";

/** What a file of a {@link HostFolder} holds. Secrets stand in no argument: they are named, and read when they are written. */
export type FileSource =
  { text: string } | { copyOf: string; isSecret?: boolean } | { login: CacheLogin; server: string };

/** Files of ours in one folder of this host. */
export interface HostFolder {
  /** Stack that they belong to. */
  stack: string;
  /** Absolute path, e.g. `"/etc/docker/certs.d/nvcr.io"`. */
  folder: string;
  files: Record<string, FileSource>;
  /**
   * `everyone`: the folder may be somebody else's, too, so each file of ours says so in its first line.
   * `cache`: only the registry's user inside its container may read them; the folder is ours.
   */
  reader: "everyone" | "cache";
}

/** `nobody` in Alpine, Debian and the stand-in: the user that the registry runs as. */
const cacheUser = 65534;

export const asDeclared = "as declared";

const marker = "# Written by gpu-build-host for the stack ";

/** First line of a file of ours; PEM and TOML readers pass over it. */
function firstLine(stack: string): string {
  return `${marker}${JSON.stringify(stack)}; removed with it.\n`;
}

/** Whose a file is, by its first line; undefined where it is nobody's of ours. */
function ownerOf(text: string): string | undefined {
  return new RegExp(`^${marker}"([^"]*)"`).exec(text)?.[1];
}

/** `"as declared"`, or what is otherwise, e.g. `"hosts.toml is missing"`. Never throws. A secret that cannot be read now counts as unchanged. */
export async function lookAt(wish: HostFolder, root = ""): Promise<string> {
  const found: string[] = [];
  for (const [name, source] of Object.entries(wish.files)) {
    const wanted = await contentOf(wish, source).catch(() => undefined);
    const live = await readFile(root + join(wish.folder, name), "utf8").catch(codeOf);
    if (typeof live === "object")
      found.push(`${name} ${live.code === "ENOENT" ? "is missing" : `cannot be read (${live.code})`}`);
    else if (isForeign(wish, live)) found.push(`${name} is not ours`);
    else if (wanted !== undefined && live !== wanted) found.push(`${name} is another`);
  }
  return found.join(", ") || asDeclared;
}

/** One line for each file that stands in our way, with its beginning. Nothing is changed. */
export async function foreignFiles(wish: HostFolder, root = ""): Promise<string[]> {
  const problems: string[] = [];
  for (const name of Object.keys(wish.files)) {
    const path = join(wish.folder, name);
    const live = await readFile(root + path, "utf8").catch(() => undefined);
    if (live === undefined || !isForeign(wish, live)) continue;
    const owner = ownerOf(live);
    problems.push(
      owner === undefined
        ? `${path} is not ours and is left as it is; it begins: ${beginning(live)}. Move it away, or take the setting out`
        : `${path} belongs to the stack "${owner}": keep the setting in one of the two stacks`,
    );
  }
  return problems;
}

/**
 * Writes the files that differ, each in one step, and removes those of `formerly` that are no longer wanted.
 *
 * @throws UserError where a file of that name is not ours: nothing is written then.
 */
export async function writeFiles(wish: HostFolder, formerly: string[] = [], root = ""): Promise<void> {
  const [problem] = await foreignFiles(wish, root);
  if (problem) throw new UserError(problem);
  try {
    await makeFolder(wish, root);
    for (const [name, source] of Object.entries(wish.files)) {
      const path = root + join(wish.folder, name);
      const content = await contentOf(wish, source);
      if ((await readFile(path, "utf8").catch(() => undefined)) !== content)
        await replace(path, content, modeOf(wish, source), ownerWanted(wish));
    }
  } catch (error) {
    throw explained(error, wish.folder);
  }
  await removeOurs(
    wish,
    formerly.filter((name) => !(name in wish.files)),
    root,
  );
}

/** Removes our files, and the folders that are empty then. Fine where nothing is left. */
export async function removeFiles(wish: HostFolder, root = ""): Promise<void> {
  await removeOurs(wish, Object.keys(wish.files), root);
  const parents = wish.reader === "cache" ? [wish.folder, dirname(wish.folder)] : [wish.folder];
  for (const folder of parents) await rmdir(root + folder).catch(() => undefined);
}

async function removeOurs(wish: HostFolder, names: string[], root: string): Promise<void> {
  for (const name of names) {
    const path = root + join(wish.folder, name);
    const live = await readFile(path, "utf8").catch(() => undefined);
    if (live !== undefined && !isForeign(wish, live)) await unlink(path);
  }
}

function isForeign(wish: HostFolder, text: string): boolean {
  return wish.reader === "everyone" && ownerOf(text) !== wish.stack;
}

async function contentOf(wish: HostFolder, source: FileSource): Promise<string> {
  const mark = wish.reader === "everyone" ? firstLine(wish.stack) : "";
  if ("text" in source) return mark + source.text;
  if ("copyOf" in source) return mark + (await readFile(source.copyOf, "utf8"));
  return helperAnswer(source.login, source.server);
}

function modeOf(wish: HostFolder, source: FileSource): number {
  if (wish.reader === "cache") return ownerWanted(wish) === undefined ? 0o444 : 0o400;
  return "copyOf" in source && source.isSecret ? 0o600 : 0o644;
}

/** Without root the files cannot be given away: then the folder above them, which only we may enter, keeps them. */
function ownerWanted({ reader }: HostFolder): number | undefined {
  return reader === "cache" && process.getuid?.() === 0 ? cacheUser : undefined;
}

async function makeFolder(wish: HostFolder, root: string): Promise<void> {
  const folder = root + wish.folder;
  if (wish.reader === "everyone") {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return;
  }
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  await chmod(dirname(folder), 0o700);
  await mkdir(folder, { mode: 0o700 }).catch(unlessExists);
  const owner = ownerWanted(wish);
  if (owner !== undefined) await chown(folder, owner, owner);
  await chmod(folder, owner === undefined ? 0o755 : 0o700);
}

/** Not `replaceFile` of daemon.json: links must not be followed, since the path may lead through another process's root. */
async function replace(
  path: string,
  content: string,
  mode: number,
  owner: number | undefined,
): Promise<void> {
  await removeLeftovers(path);
  const temporary = join(dirname(path), `.gpu-build-host.${randomUUID()}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      if (owner !== undefined) await file.chown(owner, owner);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What a killed run left: a copy of a secret must not stay. */
async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(".gpu-build-host.")) await rm(join(dirname(path), name), { force: true });
}

function beginning(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}

function codeOf(error: NodeJS.ErrnoException): { code: string } {
  return { code: error.code ?? error.message };
}

function unlessExists(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

function explained(error: unknown, folder: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
    case "EPERM":
      return new UserError(`${folder} may not be written by this user: run in a root shell`);
    case "EROFS":
      return new UserError(`${folder} is on a read-only file system: make it writable`);
    case "ENOSPC":
      return new UserError(`no space left to write into ${folder}: free some`);
    case "ENOTDIR":
      return new UserError(`${folder} or a folder above it is a file: remove that file`);
    default:
      return error;
  }
}
