/** An error that a user can act on: its message says what is wrong, with the value, and what to do. Shown without a stack trace. */
export class UserError extends Error {
  override name = "UserError";
}

/** Words of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
