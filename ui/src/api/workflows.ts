/** Workflows to choose from. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";
import { everything } from "./everything";

export const workflowsQuery = queryOptions({
  queryKey: ["workflow", "all"],
  queryFn: () =>
    everything((cursor) =>
      ask(api.GET("/syncom/v1/workflows", { params: { query: { limit: 500, cursor } } })),
    ),
});
