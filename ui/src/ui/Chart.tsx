/** A chart. ECharts is fetched when the first one is shown. */
import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { ChartProps } from "./charts/Drawn";

const Drawn = lazy(() => import("./charts/Drawn"));

export function Chart(props: ChartProps) {
  return (
    <Suspense fallback={<Skeleton height={props.height ?? 260} radius="md" />}>
      <Drawn {...props} />
    </Suspense>
  );
}
