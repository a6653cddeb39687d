import { useComputedColorScheme } from "@mantine/core";
import { BarChart, FunnelChart, HeatmapChart, LineChart, PieChart, SankeyChart } from "echarts/charts";
import {
  AriaComponent,
  DatasetComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { EChartsOption } from "echarts/types/dist/shared";
import { useEffect, useRef } from "react";

echarts.use([
  BarChart,
  FunnelChart,
  HeatmapChart,
  LineChart,
  PieChart,
  SankeyChart,
  AriaComponent,
  DatasetComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

export type ChartProps = {
  /** What it shows, for assistive technology; the same figures must be on the page as text or a table. */
  label: string;
  option: EChartsOption;
  height?: number;
  /** Called with the name and the series of what was clicked. */
  onPick?: (name: string, series: string | undefined) => void;
};

const COLORS = ["#6366f1", "#14b8a6", "#f59e0b", "#ec4899", "#0ea5e9", "#84cc16", "#a855f7", "#f97316"];

export default function Drawn({ label, option, height = 260, onPick }: ChartProps) {
  const scheme = useComputedColorScheme("light");
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts>(null);
  const picked = useRef(onPick);
  picked.current = onPick;

  useEffect(() => {
    if (!place.current) return;
    const made = echarts.init(place.current, scheme === "dark" ? "dark" : undefined, { renderer: "canvas" });
    chart.current = made;
    made.on("click", (event) => picked.current?.(event.name, event.seriesName));
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, [scheme]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme is another chart, which needs the option again
  useEffect(() => {
    chart.current?.setOption(
      {
        color: COLORS,
        backgroundColor: "transparent",
        animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
        aria: { enabled: true, label: { description: label } },
        textStyle: { fontFamily: "inherit" },
        // Plain text: a tooltip made of HTML would put data into the page.
        tooltip: { renderMode: "richText", trigger: "axis" },
        grid: { left: 8, right: 16, top: 24, bottom: 8, containLabel: true },
        ...option,
      },
      { notMerge: true },
    );
  }, [option, label, scheme]);

  return <div ref={place} role="img" aria-label={label} style={{ height, width: "100%" }} />;
}
