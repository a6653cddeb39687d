/** An account's own fields of contacts come whole: it has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const fieldsQuery = queryOptions({
  queryKey: ["field", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/fields"))).items,
});
