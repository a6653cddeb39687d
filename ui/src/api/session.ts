/** Who is signed in, and what they may do. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, ask, Failure } from "./client";
import type { Permission, SignedIn } from "./schema";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<SignedIn | null> => {
    try {
      return await ask(api.GET("/syncom/v1/session"));
    } catch (error) {
      if (error instanceof Failure && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

export const accountQuery = queryOptions({
  queryKey: ["account"],
  queryFn: () => ask(api.GET("/syncom/v1/account")),
  staleTime: 60_000,
});

export function useSession() {
  return useQuery(sessionQuery);
}

/** Whether the one who is signed in may do this; what they may not is not shown. */
export function useMay(permission: Permission): boolean {
  const { data } = useSession();
  return data?.permissions.includes(permission) ?? false;
}
