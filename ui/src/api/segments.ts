/** Segments come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const segmentsQuery = queryOptions({
  queryKey: ["segment", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/segments"))).items,
});
