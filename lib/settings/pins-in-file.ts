import { isDeepStrictEqual } from "node:util";
import { isMap, isPair, isScalar, isSeq, parse, parseDocument, Scalar, type Document, type Pair } from "yaml";

const key = "gpu-build-host:pinnedVersions";
const remark = "# npm run rollback writes them, --clear takes them out";

/**
 * The text of a `Pulumi.<stack>.yaml` with other pins; comments and everything else stay as they are.
 *
 * @param changes image → hash, or undefined for a pin that goes
 */
export function withPins(text: string, changes: Record<string, string | undefined>): string {
  const config = (parse(text) as { config?: Record<string, unknown> } | null)?.config ?? {};
  const before = pinsOf(config[key]);
  const after = Object.fromEntries(
    Object.entries({ ...before, ...changes }).filter(([, hash]) => hash !== undefined),
  ) as Record<string, string>;
  if (isDeepStrictEqual(before, after)) return text;
  const wanted = { ...config };
  delete wanted[key];
  if (Object.keys(after).length > 0) wanted[key] = after;
  const isRight = (edited: string | undefined): edited is string => {
    if (edited === undefined) return false;
    const document = parseDocument(edited);
    return (
      document.errors.length === 0 &&
      isDeepStrictEqual((document.toJS() as { config?: unknown } | null)?.config ?? {}, wanted)
    );
  };
  const byLines = editLines(text, before, after);
  return isRight(byLines) ? byLines : editDocument(text, after);
}

function pinsOf(value: unknown): Record<string, string> {
  const pins: unknown = typeof value === "string" ? parse(value) : value;
  return pins !== null && typeof pins === "object" ? (pins as Record<string, string>) : {};
}

/** Changes only the lines of the pins; undefined where the file is written in a way that lines do not show. */
function editLines(
  text: string,
  before: Record<string, string>,
  after: Record<string, string>,
): string | undefined {
  const config = (parseDocument(text) as Document).get("config", true);
  if (!isMap(config) || config.flow || config.items.length === 0) return undefined;
  const pair = config.items.find((item) => nameOf(item) === key);
  const lines = text.split("\n");
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length - 1;
  const indentOf = (item: Pair): string =>
    " ".repeat(startOf(item) - (text.lastIndexOf("\n", startOf(item)) + 1));
  const line = (indent: string, image: string): string => `${indent}${image}: "${after[image]}"`;
  if (!pair) {
    const last = config.items.at(-1)!;
    const indent = indentOf(config.items[0]!);
    const added = [
      `${indent}${key}: ${remark}`,
      ...Object.keys(after).map((image) => line(`${indent}  `, image)),
    ];
    lines.splice(lineAt(endOf(last, text)) + 1, 0, ...added);
    return lines.join("\n");
  }
  const map = pair.value;
  if (!isMap(map) || map.flow || map.items.length === 0) return undefined;
  const rows = new Map(map.items.map((item) => [nameOf(item), lineAt(startOf(item))]));
  const first = lineAt(startOf(pair));
  if (Object.keys(after).length === 0) {
    lines.splice(first, Math.max(...rows.values()) - first + 1);
    return lines.join("\n");
  }
  const indent = indentOf(map.items[0]!);
  for (const [image, hash] of Object.entries(after)) {
    const row = rows.get(image);
    if (row !== undefined && before[image] !== hash)
      lines[row] = lines[row]!.replace(String(before[image]), hash);
  }
  const added = Object.keys(after).filter((image) => !rows.has(image));
  const gone = [...rows].filter(([image]) => !(image in after)).map(([, row]) => row);
  const last = Math.max(...rows.values());
  return lines
    .flatMap((content, row) => [
      ...(gone.includes(row) ? [] : [content]),
      ...(row === last ? added.map((image) => line(indent, image)) : []),
    ])
    .join("\n");
}

function editDocument(text: string, after: Record<string, string>): string {
  const document = parseDocument(text);
  const pins: unknown = document.getIn(["config", key], true);
  if (Object.keys(after).length === 0) document.deleteIn(["config", key]);
  else {
    if (!isMap(pins)) document.setIn(["config", key], document.createNode({}));
    else
      for (const name of pins.items.map(nameOf))
        if (!(name in after)) document.deleteIn(["config", key, name]);
    for (const [image, hash] of Object.entries(after)) {
      const quoted = new Scalar(hash); // of hexadecimal digits some look like numbers
      quoted.type = Scalar.QUOTE_DOUBLE;
      document.setIn(["config", key, image], quoted);
    }
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function nameOf(item: Pair): string {
  return isScalar(item.key) ? String(item.key.value) : String(item.key);
}

function startOf(item: Pair): number {
  return (item.key as { range: [number, number, number] }).range[0];
}

/** Where the value's own text ends, comments and line ends after it left out. */
function endOf(item: Pair, text: string): number {
  let end = startOf(item);
  let last: unknown = item.value;
  // The range of a list or map in lines reaches to the next key: its last leaf says where the text ends.
  while ((isMap(last) || isSeq(last)) && !last.flow && last.items.length > 0) {
    const inner: unknown = last.items.at(-1);
    if (isPair(inner)) end = startOf(inner);
    last = isPair(inner) ? inner.value : inner;
  }
  const range = (last as { range?: [number, number, number] } | null)?.range;
  return text.slice(0, range?.[1] ?? end).trimEnd().length;
}
