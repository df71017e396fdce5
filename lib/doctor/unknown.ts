/** Something that could not be found out, and why. */
export interface Unknown {
  problem: string;
  fix?: string;
}

export function isUnknown(value: unknown): value is Unknown {
  return typeof value === "object" && value !== null && "problem" in value;
}
