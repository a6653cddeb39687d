/** How data is fetched and kept. The first part of a query key is a kind that the live stream names. */
import { QueryClient } from "@tanstack/react-query";
import { Failure } from "./client";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // The server said what is wrong: asking again changes nothing. A lost connection is tried again.
      retry: (count, error) =>
        error instanceof Failure && error.status > 0 && error.status < 500 ? false : count < 2,
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});
