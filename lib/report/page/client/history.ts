import type { EChartsCoreOption } from "echarts/core";
import type { Run } from "../../types.ts";
import { hitRateOf, inWords, percent } from "../../words.ts";
import { clockInterval, common, escaped, type Theme } from "./charts.ts";

/** Images that share a colour: one, or all that have no colour of their own. */
interface Group {
  name: string;
  images: string[];
}

/** Images that took longest, each by itself, and the rest together: more colours than these nobody can tell apart. */
export function busiest(runs: Run[], most = 7): Group[] {
  const seconds = new Map<string, number>();
  for (const { image, result, buildSeconds } of runs.flatMap(({ images }) => images))
    if (result === "built") seconds.set(image, (seconds.get(image) ?? 0) + buildSeconds);
  const names = [...seconds].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const rest = names.slice(most);
  const groups = names.slice(0, most).map((name) => ({ name, images: [name] }));
  return rest.length === 0 ? groups : [...groups, { name: `${rest.length} others`, images: rest }];
}

/** Build seconds of each run by image, and below them the share of steps from the cache. */
export function history(
  runs: Run[],
  groups: Group[],
  theme: Theme,
): { option: EChartsCoreOption; height: number } {
  const labels = runs.map(({ began }) => shortDate(began));
  const base = common(theme);
  const most = Math.max(...runs.map(buildSeconds));
  const step = clockInterval(most, 5);
  const color = (index: number): string => theme.series[index % theme.series.length]!;
  const of = (run: Run, { images }: Group) =>
    run.images.filter((one) => images.includes(one.image) && one.result === "built");
  const axis = (gridIndex: number, showLabels: boolean) => ({
    type: "category",
    gridIndex,
    data: labels,
    axisLabel: { show: showLabels, color: theme.muted, hideOverlap: true },
    axisLine: { lineStyle: { color: theme.line } },
    axisTick: { show: false },
  });
  const values = (gridIndex: number, further: object) => ({
    type: "value",
    gridIndex,
    splitNumber: 3,
    splitLine: { lineStyle: { color: theme.line } },
    ...further,
  });
  return {
    height: 420,
    option: {
      ...base,
      tooltip: {
        ...(base["tooltip"] as object),
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { opacity: 0.15 } },
        formatter: (points: { dataIndex: number }[]) => runWords(runs[points[0]?.dataIndex ?? 0]!),
      },
      legend: {
        top: 0,
        type: "plain",
        icon: "roundRect",
        itemWidth: 12,
        itemHeight: 12,
        textStyle: { color: theme.ink },
        data: groups.map(({ name }) => name),
      },
      grid: [
        { left: 56, right: 12, top: 58, height: 170 },
        { left: 56, right: 12, top: 258, height: 120 },
      ],
      xAxis: [axis(0, false), axis(1, true)],
      yAxis: [
        values(0, {
          interval: step,
          max: Math.max(1, Math.ceil(most / step)) * step,
          axisLabel: {
            color: theme.muted,
            formatter: (seconds: number) => inWords(seconds).replace(/\.0| 0 s/, ""),
          },
        }),
        values(1, { min: 0, max: 1, interval: 0.5, axisLabel: { color: theme.muted, formatter: percent } }),
      ],
      series: groups.flatMap((group, index) => [
        {
          name: group.name,
          type: "bar",
          stack: "seconds",
          barMaxWidth: 36,
          cursor: "pointer",
          itemStyle: { color: color(index) },
          data: runs.map((run) => buildSeconds({ images: of(run, group) })),
        },
        {
          name: group.name,
          type: "line",
          xAxisIndex: 1,
          yAxisIndex: 1,
          connectNulls: true,
          symbol: "circle",
          symbolSize: 7,
          lineStyle: { color: color(index), width: 2 },
          itemStyle: { color: color(index) },
          data: runs.map((run) => hitRateOf(of(run, group)) ?? null),
        },
      ]),
    },
  };
}

function buildSeconds({ images }: Pick<Run, "images">): number {
  return images.reduce((sum, image) => sum + image.buildSeconds, 0);
}

function runWords({ began, seconds, images }: Run): string {
  const lines = images.map((image) => {
    const rate = hitRateOf([image]);
    const figures =
      image.result === "built"
        ? `${inWords(image.buildSeconds)}${rate === undefined ? "" : `, ${percent(rate)} from the cache`}`
        : image.result;
    return `${escaped(image.image)}: ${figures}`;
  });
  return [`<b>${shortDate(began)}</b>, ${inWords(seconds)} in all`, ...lines].join("<br>");
}

/** `"30 Nov, 09:17"` */
export function shortDate(iso: string): string {
  const parts = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } as const;
  return new Intl.DateTimeFormat("en-GB", parts).format(new Date(iso));
}
