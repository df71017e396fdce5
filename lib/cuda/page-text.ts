import type { CudaData } from "./data-schema.ts";

/** What every fact has beside its properties. */
interface Sourced {
  sources: string[];
  sourcesOf?: Record<string, string[]> | undefined;
  unknown?: Record<string, string> | undefined;
  note?: string | undefined;
}

type Cell = string | string[] | null;

/** Puts the page together, block by block. */
export class Page {
  private readonly blocks: string[] = [];
  text(...paragraphs: string[]): void {
    this.blocks.push(...paragraphs);
  }

  list(items: string[]): void {
    this.blocks.push(items.map((item) => `- ${item}`).join("\n"));
  }

  /** A row per fact, a column per property; below it the notes, and why something is not known. */
  table<Fact extends Sourced>(
    facts: Fact[],
    key: keyof Fact & string,
    columns: Record<string, (fact: Fact) => Cell>,
  ): void {
    const row = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    const heads = [...Object.keys(columns), "sources"].map((head) => head.trim());
    const rows = facts.map((fact) =>
      row([...Object.values(columns).map((column) => cellText(column(fact))), this.links(fact)]),
    );
    this.blocks.push([row(heads), row(heads.map(() => "---")), ...rows].join("\n"));
    const remarks = facts.flatMap((fact) => [
      ...(fact.note === undefined ? [] : [`${String(fact[key])}: ${fact.note}`]),
      ...reasons(fact).map((reason) => `${String(fact[key])}: ${reason}.`),
    ]);
    if (remarks.length > 0) this.list(remarks);
  }

  /** The sources of a fact, as links to the definitions at the page's end. */
  links({ sources, sourcesOf }: Sourced): string {
    const ids = [...new Set([...sources, ...Object.values(sourcesOf ?? {}).flat()])];
    return ids.map((id) => `[${id}]`).join(" ");
  }

  definitions(sources: CudaData["sources"]): void {
    this.blocks.push(
      Object.entries(sources)
        .map(([id, { url }]) => `[${id}]: ${url}`)
        .join("\n"),
    );
  }

  toString(): string {
    return `${this.blocks.join("\n\n")}\n`;
  }
}

function cellText(cell: Cell): string {
  if (cell === null) return "?";
  return Array.isArray(cell) ? cell.join(" ") : cell;
}

/** `"cudnn, nccl not known: not read"`: one for each reason. */
function reasons({ unknown = {} }: Sourced): string[] {
  const byReason = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(unknown))
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => `${names.join(", ")} not known: ${reason}`);
}
