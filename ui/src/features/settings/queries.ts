/** What the pages of the settings read. Keys begin with the kind that the live stream names, where there is one. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";

export const usersQuery = queryOptions({
  queryKey: ["user"],
  queryFn: () => ask(api.GET("/syncom/v1/users")),
});

export const keysQuery = queryOptions({
  queryKey: ["api-key"],
  queryFn: () => ask(api.GET("/syncom/v1/api-keys")),
});

export const twoFactorQuery = queryOptions({
  queryKey: ["two-factor"],
  queryFn: () => ask(api.GET("/syncom/v1/session/two-factor")),
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: () => ask(api.GET("/syncom/v1/sessions")),
});

/** One sender, and its version for saving it. */
export const senderQuery = (sender_id: number) =>
  queryOptions({
    queryKey: ["sender", sender_id],
    queryFn: async () => {
      const asked = api.GET("/syncom/v1/senders/{sender_id}", { params: { path: { sender_id } } });
      const sender = await ask(asked);
      return { sender, etag: (await asked).response.headers.get("ETag") ?? undefined };
    },
  });

export const senderGroupsQuery = queryOptions({
  queryKey: ["sender", "groups"],
  queryFn: () => ask(api.GET("/syncom/v1/sender-groups")),
});

export const policyQuery = queryOptions({
  queryKey: ["policy"],
  queryFn: () => ask(api.GET("/syncom/v1/sending-policy")),
});

export const webhooksQuery = queryOptions({
  queryKey: ["webhook"],
  queryFn: () => ask(api.GET("/syncom/v1/webhooks")),
});

export const hooksQuery = queryOptions({
  queryKey: ["bounce-webhook"],
  queryFn: () => ask(api.GET("/syncom/v1/bounce-webhooks")),
});

export const mailboxesQuery = queryOptions({
  queryKey: ["bounce-mailbox"],
  queryFn: () => ask(api.GET("/syncom/v1/bounce-mailboxes")),
});

export const sitesQuery = queryOptions({
  queryKey: ["site"],
  queryFn: () => ask(api.GET("/syncom/v1/sites")),
});
