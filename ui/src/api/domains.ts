/** Domains that an account sends from come whole: it has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const domainsQuery = queryOptions({
  queryKey: ["domain", "all"],
  queryFn: async () =>
    (await ask(api.GET("/syncom/v1/domains", { params: { query: { limit: 1000 } } }))).items,
});
