/** Lists for {@link DataTable}: those that come in pages, `{items, next_cursor}`, and those that come whole. */
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";

type PageOf<Item> = { items: Item[]; next_cursor: string | null };

/** All pages fetched so far as one list, and what {@link DataTable} wants to know. */
export function usePages<Item>(
  key: QueryKey,
  fetch: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<Item>>,
  options: { enabled?: boolean; refetchInterval?: number | false } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => fetch(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: PageOf<Item>) => page.next_cursor ?? undefined,
    ...options,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return {
    ...listState(query),
    rows,
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
    query,
  };
}

/** Whether the first rows of a list are on their way or cannot be had: what {@link DataTable} shows in their place. */
export function listState(query: {
  data: unknown;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}) {
  return {
    loading: query.isPending,
    error: query.data === undefined ? (query.error ?? undefined) : undefined,
    retry: () => void query.refetch(),
  };
}
