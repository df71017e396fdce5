import { init, use } from "echarts/core";
import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";
import { figuresOf } from "./figures.ts";
import type { BenchResult } from "./result.ts";
import { scenarios } from "./scenarios.ts";
import { ways } from "./ways.ts";
import { secondsInWords } from "./words.ts";

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Pip and uv of one way are two shades of one colour; all eight are told apart without colour by their order. */
const colours = ["#9aa5b1", "#52606d", "#f7c948", "#b44d12", "#62b0e8", "#1d5fa8", "#7bc47f", "#0f6b3a"];
const width = 1100;
const rowHeight = 118;
const panelTop = 70;

/** Seconds of every scenario and way, a panel for each line, as one SVG without scripts. */
export function chartOf(result: BenchResult): string {
  const panels = result.lines.map((line) => ({
    line,
    rows: scenarios.filter(({ id }) => ways.some((way) => figuresOf(result, way.id, id, line))),
  }));
  let top = panelTop;
  const grids = panels.map(({ rows }) => {
    const grid = { left: 190, right: 60, top, height: Math.max(1, rows.length) * rowHeight };
    top += grid.height + panelTop;
    return grid;
  });
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height: top });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: colours,
    legend: { top: 8, data: ways.map(({ title }) => title) },
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
    series: panels.flatMap(({ line, rows }, index) =>
      ways.map((way) => ({
        type: "bar",
        name: way.title,
        xAxisIndex: index,
        yAxisIndex: index,
        data: rows.map(({ id }) => figuresOf(result, way.id, id, line)?.seconds ?? null),
        label: { show: true, position: "right", fontSize: 10, formatter: valueWords },
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function valueWords({ value }: { value?: unknown }): string {
  return typeof value === "number" ? secondsInWords(value) : "";
}
