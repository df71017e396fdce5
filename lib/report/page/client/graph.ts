import type { EChartsCoreOption } from "echarts/core";
import prettyBytes from "pretty-bytes";
import type { ImageSummary } from "../../types.ts";
import { common, escaped, type Theme } from "./charts.ts";

const rowHeight = 128;
/** Letters of a name on one line. */
const longestLine = 20;

interface Node {
  name: string;
  parents: string[];
  words: string;
  bytes?: number;
  isExternal: boolean;
}

/** Images from top to bottom, each below all that it stands on. */
export function graph(
  images: ImageSummary[],
  theme: Theme,
  width: number,
): { option: EChartsCoreOption; height: number } {
  const nodes = nodesOf(images);
  const levels = levelsOf(nodes);
  const rows = rowsOf(nodes, levels, Math.max(2, Math.floor(width / 150)));
  const largest = Math.max(1, ...nodes.map(({ bytes = 0 }) => bytes));
  const placed = rows.flatMap((row, y) =>
    row.map((node, index) => ({ node, x: (index + 0.5) / row.length, y })),
  );
  const base = common(theme);
  return {
    height: rows.length * rowHeight + 8,
    option: {
      ...base,
      tooltip: {
        ...(base["tooltip"] as object),
        formatter: ({ name, data }: { name: string; data: { words?: string } }) =>
          data.words === undefined
            ? escaped(name.replace(" > ", " → "))
            : `<b>${escaped(name)}</b><br>${escaped(data.words)}`,
      },
      grid: { left: 0, right: 0, top: 4, bottom: 4 },
      xAxis: { type: "value", min: 0, max: 1, show: false },
      yAxis: { type: "value", min: 0, max: rows.length, inverse: true, show: false },
      series: [
        {
          type: "graph",
          coordinateSystem: "cartesian2d",
          edgeSymbol: ["none", "arrow"],
          edgeSymbolSize: 8,
          lineStyle: { color: theme.muted, width: 1.5, opacity: 0.7 },
          emphasis: { focus: "adjacency" },
          label: {
            show: true,
            position: "bottom",
            color: theme.ink,
            fontSize: 12,
            lineHeight: 15,
            backgroundColor: theme.surface,
            padding: [1, 3],
            formatter: ({ data }: { data: { name: string; short: string } }) =>
              `${inLines(data.name)}\n${data.short}`.trim(),
          },
          data: placed.map(({ node, x, y }) => ({
            name: node.name,
            words: node.words,
            short: node.isExternal
              ? ""
              : node.bytes === undefined
                ? "not on the engine"
                : `+ ${prettyBytes(node.bytes, { maximumFractionDigits: 1 })}`,
            value: [x, y + 0.35],
            symbolSize: node.isExternal ? 12 : 18 + 36 * Math.sqrt((node.bytes ?? 0) / largest),
            itemStyle: node.isExternal
              ? { color: theme.surface, borderColor: theme.muted, borderWidth: 2 }
              : { color: theme.kinds["step"] },
          })),
          links: nodes.flatMap(({ name, parents }) =>
            parents.map((parent) => ({ source: parent, target: name })),
          ),
        },
      ],
    },
  };
}

function nodesOf(images: ImageSummary[]): Node[] {
  const externals = [...new Set(images.flatMap((image) => image.externals))];
  return [
    ...externals.map((name) => ({ name, parents: [], words: "from outside", isExternal: true })),
    ...images.map(({ name, parents, externals: outside, adds, size, tags }) => ({
      name,
      parents: [...parents, ...outside],
      words: `${tags.join(", ")}${size === undefined ? "" : `: ${prettyBytes(size)}`}`,
      ...(adds !== undefined && { bytes: adds }),
      isExternal: false,
    })),
  ];
}

/** A name cut where a person would, into lines that leave room for a neighbour. */
function inLines(name: string): string {
  const lines = [""];
  for (const piece of name.split(/(?<=[/:-])/)) {
    if (lines.at(-1) !== "" && (lines.at(-1) + piece).length > longestLine) lines.push("");
    lines[lines.length - 1] += piece;
  }
  return lines.join("\n");
}

/** How many steps below the topmost each node lies. Parents come first in the list. */
function levelsOf(nodes: Node[]): Map<string, number> {
  const levels = new Map<string, number>();
  for (const { name, parents } of nodes)
    levels.set(name, Math.max(-1, ...parents.map((parent) => levels.get(parent) ?? -1)) + 1);
  return levels;
}

/** Nodes by level; a level with more than fit side by side goes on in the next row. */
function rowsOf(nodes: Node[], levels: Map<string, number>, most: number): Node[][] {
  const deepest = Math.max(0, ...levels.values());
  return Array.from({ length: deepest + 1 }, (_, level) =>
    nodes.filter(({ name }) => levels.get(name) === level),
  ).flatMap((row) => {
    const count = Math.ceil(row.length / most);
    return Array.from({ length: count }, (_, part) => row.slice(part * most, (part + 1) * most));
  });
}
