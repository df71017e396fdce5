import { readFileSync } from "node:fs";

/** Milliseconds between two looks. */
const interval = 3;

/** Reads a JSON file all the time, as dockerd might at any moment, and notes whatever was not whole. */
export class WatchedJson {
  /** How often it was read. */
  looks = 0;
  /** What was seen that must never be seen. */
  readonly faults: string[] = [];
  private readonly timer: NodeJS.Timeout;

  /** @param isWhole may refuse a document that lacks what belongs to others. */
  constructor(file: string, isWhole: (content: unknown) => boolean = () => true) {
    let last: string | undefined;
    this.timer = setInterval(() => {
      this.looks += 1;
      const text = readOrMissing(file);
      if (text === last) return;
      last = text;
      if (!isWholeJson(text, isWhole)) this.faults.push(JSON.stringify(text));
    }, interval);
  }

  end(): void {
    clearInterval(this.timer);
  }
}

function readOrMissing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return `missing: ${(error as Error).message}`;
  }
}

function isWholeJson(text: string, isWhole: (content: unknown) => boolean): boolean {
  try {
    return isWhole(JSON.parse(text));
  } catch {
    return false;
  }
}
