import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, messageOf } from "../errors.ts";
import { cudaDataSchema, type CudaData } from "./data-schema.ts";

/** The data's file, absolute. */
export const dataFile = join(import.meta.dirname, "compatibility.json");

let checked: CudaData | undefined;

/** The project's compatibility data, read and checked once. */
export function cudaData(): CudaData {
  checked ??= parseData(readFileSync(dataFile, "utf8"));
  return checked;
}

/**
 * The data in a text.
 *
 * @throws UserError with a line per problem: where, and what is wrong there.
 */
export function parseData(text: string): CudaData {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new UserError(`lib/cuda/compatibility.json is not JSON: ${messageOf(error)}`);
  }
  const result = cudaDataSchema.safeParse(content);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new UserError(`lib/cuda/compatibility.json does not fit its schema:\n${lines.join("\n")}`);
}
