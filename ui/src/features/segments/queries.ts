import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask, askPlain } from "~/api/client";
import type { RfmState, SegmentAnswer } from "~/api/schema";

/** A segment with its version, which a save names so that two people do not overwrite each other. */
export const segmentQuery = (id: number) =>
  queryOptions({
    queryKey: ["segment", id],
    queryFn: async ({ signal }) => {
      const response = await askPlain(`/syncom/v1/segments/${id}`, { signal });
      return { segment: (await response.json()) as SegmentAnswer, etag: response.headers.get("ETag") };
    },
    // While members are worked out it is looked at again.
    refetchInterval: (query) => (query.state.data?.segment.membership?.is_complete === false ? 2000 : false),
  });

export const growthQuery = (id: number, days: number) =>
  queryOptions({
    queryKey: ["segment", id, "growth", days],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/segments/{segment_id}/growth", {
            params: { path: { segment_id: id }, query: { days } },
          }),
        )
      ).items,
    placeholderData: keepPreviousData,
  });

export const whyQuery = (id: number, contactId: number) =>
  queryOptions({
    queryKey: ["segment", id, "why", contactId],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/segments/{segment_id}/contacts/{contact_id}/why", {
          params: { path: { segment_id: id, contact_id: contactId } },
        }),
      ),
  });

export const overlapQuery = (first: number, second: number) =>
  queryOptions({
    queryKey: ["segment", first, "overlap", second],
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/segments/{segment_id}/overlap/{other_id}", {
          params: { path: { segment_id: first, other_id: second } },
          signal,
        }),
      ),
  });

/** What the classes of customers are now. */
export const gridQuery = queryOptions({
  queryKey: ["rfm", "grid"],
  queryFn: () => ask(api.GET("/syncom/v1/rfm/grid")),
});

export const rfmStateQuery = queryOptions({
  queryKey: ["rfm", "settings"],
  // The client forgets that there are four of each.
  queryFn: async () => (await ask(api.GET("/syncom/v1/rfm/settings"))) as RfmState,
});

export const transitionsQuery = (since: string | undefined, until: string | undefined) =>
  queryOptions({
    queryKey: ["rfm", "transitions", since, until],
    queryFn: () => ask(api.GET("/syncom/v1/rfm/transitions", { params: { query: { since, until } } })),
    placeholderData: keepPreviousData,
  });

export const predictionsQuery = queryOptions({
  queryKey: ["rfm", "predictions"],
  queryFn: () => ask(api.GET("/syncom/v1/predictions")),
});
