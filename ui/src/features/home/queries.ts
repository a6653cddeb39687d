import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";

/** Renewed by any change: it shows a little of everything (`app/live.tsx`). */
export const homeQuery = queryOptions({
  queryKey: ["home"],
  queryFn: ({ signal }) => ask(api.GET("/syncom/v1/home", { signal })),
});

/** Counts by day (UTC, as the figures of the first page), today last. */
export const seriesQuery = (days: number) =>
  queryOptions({
    queryKey: ["home", "series", days],
    queryFn: ({ signal }) => {
      const since = new Date();
      since.setUTCHours(0, 0, 0, 0);
      since.setUTCDate(since.getUTCDate() - days + 1);
      return ask(
        api.GET("/syncom/v1/reports/series", {
          params: { query: { since: since.toISOString(), span: "day" } },
          signal,
        }),
      );
    },
  });
