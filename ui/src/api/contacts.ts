/** What contacts have; one contact, and a few whom typed words find. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

/** Members that every contact has, beside those that it is known by and an account's own fields. */
export const MEMBERS = [
  "first_name",
  "last_name",
  "country",
  "region",
  "city",
  "address",
  "postcode",
  "language",
  "time_zone",
] as const;

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
