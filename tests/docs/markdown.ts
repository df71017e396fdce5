import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The project's folder. */
export const repository = join(import.meta.dirname, "..", "..");

/** A fenced block of a Markdown text. */
export interface Block {
  /** Heading that it stands under. */
  heading: string;
  /** Word after the fence, e.g. `"bash"`. */
  language: string;
  text: string;
}

/** Reads a document of this project, e.g. `"README.md"`. */
export function document(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

/** Every fenced block, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "";
  let open: Block | undefined;
  for (const line of markdown.split("\n")) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (open && fence) {
      blocks.push(open);
      open = undefined;
    } else if (open) open.text += `${line}\n`;
    else if (fence) open = { heading, language: fence[1] ?? "", text: "" };
    else heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  return blocks;
}

/** The one block under a heading that has a language and contains a text; fails where there is none, or more than one. */
export function blockUnder(markdown: string, heading: string, language: string, text = ""): string {
  const found = blocksOf(markdown).filter(
    (block) => block.heading === heading && block.language === language && block.text.includes(text),
  );
  if (found.length === 1) return found[0]!.text;
  throw new Error(`${found.length} blocks of ${language} with "${text}" under "${heading}", not one`);
}

/** The cells of the table under a heading, without its head. `\|` in a cell is a plain bar. */
export function tableUnder(markdown: string, heading: string): string[][] {
  const section = markdown.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\|", "|")),
  );
}
