/** Senders come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const sendersQuery = queryOptions({
  queryKey: ["sender", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/senders"))).items,
});
