import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../lib/errors.ts";

/** Runs checks so that Pulumi shows their message alone: it prints a stack trace for any other error. */
export async function shownPlainly<T>(checks: () => Promise<T>): Promise<T> {
  try {
    return await checks();
  } catch (error) {
    throw error instanceof UserError ? new pulumi.RunError(error.message) : error;
  }
}
