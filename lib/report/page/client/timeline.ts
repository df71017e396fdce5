import type { CustomSeriesRenderItem } from "echarts/types/dist/shared.js";
import type { EChartsCoreOption } from "echarts/core";
import type { Run, Span } from "../../types.ts";
import { inWords, shortStep } from "../../words.ts";
import { clockInterval, common, escaped, type Theme } from "./charts.ts";

const rowHeight = 22;
const axisHeight = 34;

interface Row {
  /** Name of the image, on the row above its spans. */
  title?: string;
  spans: Span[];
}

/** A run from left to right: an image is a title and below it as many rows as it had steps side by side. */
export function timeline(
  run: Run,
  theme: Theme,
  width: number,
): { option: EChartsCoreOption; height: number } {
  const rows = rowsOf(run);
  const spans = rows.flatMap(({ spans }, row) => spans.map((span) => ({ row, span })));
  const end = Math.max(run.seconds, ...spans.map(({ span }) => span.start + span.seconds));
  const renderSpan: CustomSeriesRenderItem = (_params, api) => {
    const { row, span } = spans[api.value(3) as number]!;
    const [left, middle] = api.coord([span.start, row]) as [number, number];
    const [right] = api.coord([span.start + span.seconds, row]) as [number, number];
    return {
      type: "rect",
      shape: { x: left, y: middle - 8, width: Math.max(2, right - left), height: 16, r: 2 },
      style: { fill: theme.kinds[span.kind]! },
      emphasis: { style: { stroke: theme.ink, lineWidth: 1 } },
    };
  };
  const renderTitle: CustomSeriesRenderItem = (_params, api) => {
    const row = api.value(1) as number;
    const [left, middle] = api.coord([0, row]) as [number, number];
    return {
      type: "text",
      silent: true,
      style: {
        x: left,
        y: middle + 2,
        text: rows[row]!.title!,
        fill: theme.ink,
        font: "600 13px system-ui",
        verticalAlign: "middle",
      },
    };
  };
  const base = common(theme);
  return {
    height: rows.length * rowHeight + axisHeight + 6,
    option: {
      ...base,
      tooltip: {
        ...(base["tooltip"] as object),
        formatter: ({ data }: { data: [number, number, number, number] }) => spanWords(spans[data[3]]!.span),
      },
      grid: { left: 8, right: 24, top: 6, bottom: axisHeight },
      xAxis: {
        type: "value",
        min: 0,
        max: end > 0 ? end : 1,
        interval: clockInterval(end, width / 90),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          color: theme.muted,
          formatter: (seconds: number) => axisWords(seconds),
          hideOverlap: true,
          showMaxLabel: false,
        },
        splitLine: { lineStyle: { color: theme.line } },
      },
      yAxis: { type: "value", inverse: true, min: -0.5, max: rows.length - 0.5, show: false },
      series: [
        {
          type: "custom",
          renderItem: renderSpan,
          encode: { x: [0, 2], y: 1 },
          data: spans.map(({ row, span }, index) => [span.start, row, span.start + span.seconds, index]),
        },
        {
          type: "custom",
          renderItem: renderTitle,
          encode: { x: 0, y: 1 },
          data: rows.flatMap(({ title }, row) => (title === undefined ? [] : [[0, row]])),
          silent: true,
        },
      ],
    },
  };
}

function rowsOf({ images }: Run): Row[] {
  return images.flatMap(({ image, result, spans }): Row[] => {
    const lanes = Math.max(0, ...spans.map(({ lane }) => lane + 1));
    const title = spans.length > 0 ? image : `${image}: ${result}`;
    const rows = Array.from({ length: lanes }, (_, lane) => ({
      spans: spans.filter((span) => span.lane === lane),
    }));
    return [{ title, spans: [] }, ...rows];
  });
}

function spanWords({ what, kind, start, seconds }: Span): string {
  const time = kind === "cached" ? "from the cache" : inWords(seconds);
  return `<b>${time}</b>, after ${inWords(start)}<br>${escaped(shortStep(what, 160))}`;
}

function axisWords(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  return rest === 0 ? `${minutes} min` : `${minutes}:${String(rest).padStart(2, "0")} min`;
}
