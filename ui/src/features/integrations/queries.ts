/** What the pages of connected apps ask for. Keys begin with kinds of the live stream: `connection`, `pull`. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import { tellDone, tellFailed } from "~/ui/tell";

export const connectionsQuery = queryOptions({
  queryKey: ["connection"],
  queryFn: () => ask(api.GET("/syncom/v1/integrations/connections", { params: { query: { limit: 999 } } })),
});

export const connectionQuery = (id: string) =>
  queryOptions({
    queryKey: ["connection", id],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/integrations/connections/{connection_id}", {
          params: { path: { connection_id: id } },
        }),
      ),
  });

export const appQuery = (key: string) =>
  queryOptions({
    queryKey: ["connection", "app", key],
    queryFn: () =>
      ask(api.GET("/syncom/v1/integrations/apps/{app_key}", { params: { path: { app_key: key } } })),
  });

export const appActionsQuery = (key: string) =>
  queryOptions({
    queryKey: ["connection", "actions", key],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/integrations/apps/{app_key}/actions", {
          params: { path: { app_key: key }, query: { limit: 999 } },
        }),
      ),
    enabled: key !== "",
  });

export const actionQuery = (id: string) =>
  queryOptions({
    queryKey: ["action", id],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/integrations/actions/{app_action_id}", {
          params: { path: { app_action_id: id } },
        }),
      ),
    enabled: id !== "",
  });

export const intentQuery = (intent: string) =>
  queryOptions({
    queryKey: ["connection", "intent", intent],
    queryFn: () => ask(api.GET("/syncom/v1/integrations/actions", { params: { query: { intent } } })),
    enabled: intent !== "",
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: () =>
      ask(api.GET("/syncom/v1/integrations/runs/{run_id}", { params: { path: { run_id: id } } })),
    enabled: id !== "",
  });

export const tokensQuery = queryOptions({
  queryKey: ["agent-token"],
  queryFn: () => ask(api.GET("/syncom/v1/integrations/tokens", { params: { query: { limit: 999 } } })),
});

export const addressesQuery = queryOptions({
  queryKey: ["agent-addresses"],
  queryFn: () => ask(api.GET("/syncom/v1/integrations/addresses")),
  staleTime: Number.POSITIVE_INFINITY,
});

export const pullsQuery = queryOptions({
  queryKey: ["pull"],
  queryFn: () => ask(api.GET("/syncom/v1/pulls")),
});

/** Something done to what these queries show: they are asked again, and the one who did it is told. */
export function useAct<Given, Answer>(
  act: (given: Given) => Promise<Answer>,
  { renews, done }: { renews: string; done?: (answer: Answer, given: Given) => void },
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (answer, given) => {
      void client.invalidateQueries({ queryKey: [renews] });
      done?.(answer, given);
    },
    onError: tellFailed,
  });
}

/** Leads to the server's page on which an app is connected; it comes back to the list of connections. */
export function useConnect() {
  return useMutation({
    mutationFn: (given: { app: string } | { again: string }) =>
      "app" in given
        ? ask(api.POST("/syncom/v1/integrations/connections", { body: { app_key: given.app } }))
        : ask(
            api.POST("/syncom/v1/integrations/connections/{connection_id}/reconnect", {
              params: { path: { connection_id: given.again } },
            }),
          ),
    onSuccess: (page) => window.location.assign(page.url),
    onError: tellFailed,
  });
}

export { tellDone };
