/** Categories of messages come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const categoriesQuery = queryOptions({
  queryKey: ["category", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/categories"))).items,
});
