/** What rows offer to choose from of one type of events. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";

export const parametersQuery = (typeId: number) =>
  queryOptions({
    queryKey: ["event-type", typeId, "parameters"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/event-types/{event_type_id}/parameters", {
            params: { path: { event_type_id: typeId } },
          }),
        )
      ).items,
    staleTime: 60_000,
  });
