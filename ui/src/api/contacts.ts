/** One contact, and a few whom typed words find. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

export const contactQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id],
    queryFn: () => ask(api.GET("/syncom/v1/contacts/{contact_id}", { params: { path: { contact_id: id } } })),
  });

/** Who is meant by a few typed words; of none, the newest. */
export const foundQuery = (words: string) =>
  queryOptions({
    queryKey: ["contact", "found", words],
    queryFn: async ({ signal }) =>
      (
        await ask(
          api.POST("/syncom/v1/contacts/table", {
            params: { query: { limit: 10 } },
            body: { search: words, fields: [] },
            signal,
          }),
        )
      ).items,
    placeholderData: keepPreviousData,
  });
