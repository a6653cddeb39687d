/** Lists of contacts come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const listsQuery = queryOptions({
  queryKey: ["list", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/lists"))).items,
});
