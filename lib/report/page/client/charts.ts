import { BarChart, CustomChart, GraphChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([
  BarChart,
  CustomChart,
  GraphChart,
  LineChart,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  SVGRenderer,
]);

/** Colours of the style sheet as they are now: light or dark. */
export interface Theme {
  ink: string;
  muted: string;
  line: string;
  surface: string;
  /** By kind of span. */
  kinds: Record<string, string>;
  /** For images, by place. */
  series: string[];
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const kinds = ["step", "cached", "pull", "export", "context", "smoke", "build", "failed"];
  return {
    ink: color("ink"),
    muted: color("muted"),
    line: color("line"),
    surface: color("surface"),
    kinds: Object.fromEntries(kinds.map((kind) => [kind, color(kind)])),
    series: Array.from({ length: 8 }, (_, index) => color(`c${index + 1}`)),
  };
}

/** Draws into an element of the page, and again when its width or the colours change. */
export function chart(
  id: string,
  draw: (theme: Theme, width: number) => { option: EChartsCoreOption; height: number },
): { redraw(): void; instance(): ECharts } {
  const element = document.getElementById(id)!;
  let instance: ECharts | undefined;
  let drawnWidth = 0;
  const redraw = (): void => {
    drawnWidth = element.clientWidth;
    const { option, height } = draw(readTheme(), drawnWidth);
    element.style.height = `${height}px`;
    instance ??= init(element, undefined, { renderer: "svg" });
    instance.resize();
    instance.setOption(option, { notMerge: true });
  };
  redraw();
  new ResizeObserver(() => {
    if (element.clientWidth !== drawnWidth) redraw();
  }).observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  return { redraw, instance: () => instance! };
}

/** What all charts have in common. */
export function common({ ink, line, surface }: Theme): EChartsCoreOption {
  const font = getComputedStyle(document.body).fontFamily;
  return {
    animation: false,
    textStyle: { fontFamily: font, color: ink },
    tooltip: {
      confine: true,
      backgroundColor: surface,
      borderColor: line,
      textStyle: { color: ink, fontFamily: font, fontSize: 13 },
      extraCssText: "white-space: normal; max-width: 22rem;",
    },
  };
}

/** Text for a tooltip, which takes HTML. */
export function escaped(text: string): string {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
}

/** Seconds between two lines of an axis: round in a clock's way, so that at most `lines` of them fit. */
export function clockInterval(most: number, lines: number): number {
  const round = [0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
  return round.find((seconds) => most / seconds <= lines) ?? 14_400;
}
