/** Templates to choose from, the newest first. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";
import { everything } from "./everything";

export const templatesQuery = queryOptions({
  queryKey: ["template", "all"],
  queryFn: () =>
    everything((cursor) =>
      ask(api.GET("/syncom/v1/templates", { params: { query: { limit: 1000, cursor } } })),
    ),
});
