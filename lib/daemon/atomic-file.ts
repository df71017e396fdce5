import { constants } from "node:fs";
import { mkdir, open, readdir, readlink, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";

// write-file-atomic does most of this, but does not sync the folder, and what it leaves after SIGKILL (daemon.json.1234567)
// cannot be told from somebody's back-up.
const TEMPORARY = ".gpu-build-host.";

/** Where a path leads, dangling links included: the file that a write has to replace so that the links stay. */
export async function followLinks(path: string): Promise<string> {
  let current = resolve(path);
  for (let hop = 0; hop < 40; hop++) {
    try {
      return await realpath(current);
    } catch {
      const target = await readlink(current).catch(() => undefined);
      if (target === undefined)
        return join(await realpath(dirname(current)).catch(() => dirname(current)), basename(current));
      current = resolve(dirname(current), target);
    }
  }
  throw new UserError(`${path}: the symbolic links go round in a circle: make it a plain file`);
}

export interface WriteOptions {
  /** Mode of a file that does not exist yet; an existing one keeps mode and owner. */
  mode: number;
  /** Called when the new content is on the disk but not yet in place. */
  onWritten?: () => Promise<void> | void;
}

/**
 * Replaces a file in one step: whoever reads it, and whatever is killed when, sees the whole old or the whole new text.
 * Symbolic links, mode and owner stay. `null` removes the file.
 */
export async function replaceFile(path: string, text: string | null, options: WriteOptions): Promise<void> {
  const target = await followLinks(path);
  const folder = dirname(target);
  const temporary = join(folder, `.${basename(target)}${TEMPORARY}${process.pid}`);
  try {
    if (text === null) {
      await unlink(target).catch(ignoreMissing);
    } else {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await removeLeftovers(target);
      const former = await stat(target).catch(() => undefined);
      await writeAndSync(temporary, text, former ?? { mode: options.mode });
      await options.onWritten?.();
      await rename(temporary, target);
    }
    await syncFolder(folder);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw explain(error, target);
  }
}

async function writeAndSync(path: string, text: string, like: { mode: number; uid?: number; gid?: number }) {
  const mode = like.mode & 0o7777;
  const file = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await file.writeFile(text);
    if (like.uid !== undefined && like.gid !== undefined) await file.chown(like.uid, like.gid);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes what killed runs left beside a file. */
export async function removeLeftovers(target: string): Promise<void> {
  const prefix = `.${basename(target)}${TEMPORARY}`;
  for (const name of await readdir(dirname(target)).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length));
    const alive = pid !== process.pid && (await stat(`/proc/${pid}`).catch(() => undefined));
    if (!alive) await unlink(join(dirname(target), name)).catch(ignoreMissing);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY).catch(ignoreMissing);
  try {
    await folder?.sync();
  } finally {
    await folder?.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

function explain(error: unknown, path: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EBUSY":
      return new UserError(
        `${path} is a bind mount, it cannot be replaced: edit the file that is mounted there, or set manage: print`,
      );
    case "EROFS":
      return new UserError(`${path} is on a read-only file system: make it writable, or set manage: print`);
    case "EACCES":
      return new UserError(`${path} may not be written by this user: run with sudo, or set manage: print`);
    case "EPERM":
      return new UserError(
        `${path} may not be replaced (an immutable file: chattr -i, or no right): or set manage: print`,
      );
    case "ENOSPC":
      return new UserError(`no space left to write ${path}: free some, nothing was changed`);
    case "EISDIR":
    case "ENOTDIR":
      return new UserError(`${path} is not a file: remove the folder of that name`);
    default:
      return error;
  }
}
