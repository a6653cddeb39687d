/** What is fetched of workflows. Keys begin with `workflow`, which the live stream names. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask, Failure } from "~/api/client";

const at = (workflow_id: number) => ({ params: { path: { workflow_id } } });

export const figuresQuery = queryOptions({
  queryKey: ["workflow", "figures"],
  queryFn: async () => {
    const page = await ask(api.GET("/syncom/v1/workflows/figures"));
    return new Map(page.items.map((one) => [one.workflow_id, one]));
  },
});

export const recipesQuery = queryOptions({
  queryKey: ["recipe"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/workflow-recipes"))).items,
  staleTime: Number.POSITIVE_INFINITY,
});

export const schemaQuery = queryOptions({
  queryKey: ["workflow-schema"],
  queryFn: () => ask(api.GET("/syncom/v1/workflows/schema")),
  staleTime: Number.POSITIVE_INFINITY,
});

export const workflowQuery = (id: number) =>
  queryOptions({
    queryKey: ["workflow", id],
    queryFn: () => ask(api.GET("/syncom/v1/workflows/{workflow_id}", at(id))),
  });

/** Null: there is no draft. */
export const draftQuery = (id: number) =>
  queryOptions({
    queryKey: ["workflow", id, "draft"],
    queryFn: async () => {
      try {
        return await ask(api.GET("/syncom/v1/workflows/{workflow_id}/draft", at(id)));
      } catch (error) {
        if (error instanceof Failure && error.status === 404) return null;
        throw error;
      }
    },
  });

/** Counts by step and by way, of a version (the newest when none is said). Journeys move without a change of the
 *  workflow, so it is looked at again while it is shown. */
export const stepsQuery = (id: number, version?: number) =>
  queryOptions({
    queryKey: ["workflow", id, "steps", version ?? "newest"],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/workflows/{workflow_id}/steps", {
          params: { path: { workflow_id: id }, query: { version } },
        }),
      ),
    refetchInterval: 5000,
  });

export const versionsQuery = (id: number) =>
  queryOptions({
    queryKey: ["workflow", id, "versions"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/workflows/{workflow_id}/versions", {
            params: { path: { workflow_id: id }, query: { limit: 499 } },
          }),
        )
      ).items,
  });

export const versionQuery = (id: number, version: number) =>
  queryOptions({
    queryKey: ["workflow-version", id, version],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/workflows/{workflow_id}/versions/{version}", {
          params: { path: { workflow_id: id, version } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const resultsQuery = (id: number, since?: string, until?: string) =>
  queryOptions({
    queryKey: ["workflow", id, "results", since, until],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/workflows/{workflow_id}/results", {
          params: { path: { workflow_id: id }, query: { since, until } },
        }),
      ),
  });

export const sentenceQuery = (condition: Record<string, unknown>) =>
  queryOptions({
    queryKey: ["segment", "sentence", JSON.stringify(condition)],
    queryFn: async () =>
      (await ask(api.POST("/syncom/v1/segments/sentence", { body: { condition } }))).sentence,
    staleTime: 60_000,
  });
