import { readFileSync } from "node:fs";
import { isAbsolute, relative } from "node:path";
import { requirementsFiles } from "./files.ts";
import { readRequirementLines, type Requirement } from "./read-pins.ts";

/**
 * What the `requirements.in` of a folder asks for with this torch, each with its line; a package that the torch's own file
 * names takes the place of its line in the common one.
 * @param context folder of a service, or `cuda-base`
 */
export function requirementsOf(root: string, context: string, torch: string, python: string): Requirement[] {
  const found = requirementsFiles(context, torch).flatMap((path) => {
    const text = readFileSync(path, "utf8");
    return readRequirementLines(text, shownPath(root, path), { python }).requirements;
  });
  return [...new Map(found.map((one) => [one.name, one])).values()];
}

/** A path relative to the project; as it is where it lies elsewhere. */
export function shownPath(root: string, path: string): string {
  const file = relative(root, path);
  return file.startsWith("..") || isAbsolute(file) ? path : file;
}
