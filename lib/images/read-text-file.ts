import { readFile } from "node:fs/promises";
import { UserError } from "../errors.ts";

/** Reads a text file; `what` begins the message of the UserError where that fails, e.g. `"the Dockerfile"`. */
export async function readTextFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "does not exist"
        : code === "EISDIR"
          ? "is a folder"
          : `cannot be read (${message})`;
    throw new UserError(`${what} ${path} ${why}`);
  }
}
