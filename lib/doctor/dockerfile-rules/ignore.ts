const comment = /^\s*#/;
const marker = /^\s*#\s*gpu-build-host:\s*ignore\s+(.*)$/;

/** `# gpu-build-host: ignore dockerfile.order` and its like, by the line that they speak of. */
export class Ignores {
  private readonly lines: string[];
  private readonly starts: ReadonlySet<number>;

  /** @param starts lines on which an instruction begins */
  constructor(lines: string[], starts: ReadonlySet<number>) {
    this.lines = lines;
    this.starts = starts;
  }

  /** Whether comment lines right above say that a rule is not wanted here; for a remark on a comment, also those right below. */
  covers(id: string, line: number): boolean {
    return this.above(line - 1, id) || (comment.test(this.lines[line - 1] ?? "") && this.below(line, id));
  }

  /** Ids that are ignored and that no rule has, with their lines. */
  *unknown(known: ReadonlySet<string>): Generator<{ id: string; line: number }> {
    for (const start of this.starts)
      for (let at = start - 2; at >= 0 && comment.test(this.lines[at]!); at--)
        for (const id of idsOf(this.lines[at]!)) if (!known.has(id)) yield { id, line: at + 1 };
  }

  private above(from: number, id: string): boolean {
    for (let at = from - 1; at >= 0 && comment.test(this.lines[at]!); at--)
      if (idsOf(this.lines[at]!).includes(id)) return true;
    return false;
  }

  private below(from: number, id: string): boolean {
    for (let at = from; at < this.lines.length && comment.test(this.lines[at]!); at++)
      if (idsOf(this.lines[at]!).includes(id)) return true;
    return false;
  }
}

function idsOf(line: string): string[] {
  return (
    marker
      .exec(line)?.[1]!
      .split(/[\s,]+/)
      .filter((word) => word.startsWith("dockerfile.")) ?? []
  );
}
