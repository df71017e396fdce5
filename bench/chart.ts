import { init, use } from "echarts/core";
import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";
import { figuresOf } from "./figures.ts";
import type { BenchResult } from "./result.ts";
import { scenarios } from "./scenarios.ts";
import { ways, type WayId } from "./ways.ts";
import { secondsInWords } from "./words.ts";

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Pip and uv of one way are two shades of one colour; all are told apart without colour by their order. */
const colours: Record<WayId, string> = {
  "before-pip": "#9aa5b1",
  "before-uv": "#52606d",
  "guide-pip": "#f7c948",
  "guide-uv": "#b44d12",
  "bake-pip": "#62b0e8",
  "bake-uv": "#1d5fa8",
  "stack-pip": "#7bc47f",
  "stack-uv": "#0f6b3a",
  "stack-packages": "#8e5ba6",
};
const width = 1100;
const barHeight = 14;
const panelTop = 70;

/** Seconds of every scenario and way that were played, a panel for each line, as one SVG without scripts. */
export function chartOf(result: BenchResult): string {
  const panels = result.lines.map((line) => panelOf(result, line)).filter(({ rows }) => rows.length > 0);
  const played = ways
    .filter((way) => panels.some(({ columns }) => columns.includes(way)))
    .map(({ title }) => title);
  let top = panelTop;
  const grids = panels.map((panel) => {
    const grid = {
      left: 190,
      right: 60,
      top,
      height: panel.rows.length * (panel.columns.length + 1.5) * barHeight,
    };
    top += grid.height + panelTop;
    return grid;
  });
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height: top });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "sans-serif" },
    legend: { top: 8, itemGap: 26, data: played }, // its own measure of text is too small
    title: panels.map(({ line }, index) => ({
      text: `Seconds, ${line} (${result.kind} mode${result.partial ? ", partial" : ""})`,
      left: 16,
      top: (grids[index]?.top ?? 0) - 32,
      textStyle: { fontSize: 14 },
    })),
    grid: grids,
    xAxis: panels.map((_, gridIndex) => ({ type: "value", gridIndex })),
    yAxis: panels.map(({ rows }, gridIndex) => ({
      type: "category",
      gridIndex,
      inverse: true,
      data: rows.map(({ title }) => title),
    })),
    series: panels.flatMap(({ line, rows, columns }, index) =>
      columns.map((way) => ({
        type: "bar",
        name: way.title,
        color: colours[way.id],
        xAxisIndex: index,
        yAxisIndex: index,
        barWidth: barHeight - 2,
        data: rows.map(({ id }) => figuresOf(result, way.id, id, line)?.seconds ?? null),
        label: { show: true, position: "right", fontSize: 10, formatter: valueWords },
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** The scenarios and ways that have figures on a line. */
function panelOf(result: BenchResult, line: string) {
  const rows = scenarios.filter(({ id }) => ways.some((way) => figuresOf(result, way.id, id, line)));
  const columns = ways.filter((way) => scenarios.some(({ id }) => figuresOf(result, way.id, id, line)));
  return { line, rows, columns };
}

function valueWords({ value }: { value?: unknown }): string {
  return typeof value === "number" ? secondsInWords(value) : "";
}
