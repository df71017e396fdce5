import { statfs } from "node:fs/promises";

/** Bytes that the torch base needs while it is built: its layers and the unpacked wheels beside them. */
export const neededForBases = 12e9;

/** Room on the disk of a folder. */
export interface DiskRoom {
  /** Bytes that may still be written, and of how many. */
  free: number;
  total: number;
  /** Files that may still be made, and of how many; 0 of 0 where the file system has no such limit. */
  freeFiles: number;
  totalFiles: number;
}

/** Room on a folder's disk; undefined where it cannot be looked at, as that of an engine in a virtual machine. */
export async function diskRoom(folder: string): Promise<DiskRoom | undefined> {
  try {
    const disk = await statfs(folder);
    return {
      free: disk.bavail * disk.bsize,
      total: disk.blocks * disk.bsize,
      freeFiles: disk.ffree,
      totalFiles: disk.files,
    };
  } catch {
    return undefined;
  }
}
