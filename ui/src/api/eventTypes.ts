/** Types of events come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const eventTypesQuery = queryOptions({
  queryKey: ["event-type", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/event-types"))).items,
});
