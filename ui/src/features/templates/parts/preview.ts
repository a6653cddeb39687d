/** The message as one reader gets it, by the server's own renderer. */
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import { type Content, unsaved } from "../queries";

/** Addresses of previews answer for 15 minutes. */
const LIFE = 10 * 60_000;

export function usePreview(content: Content, contactId: number | undefined, enabled = true) {
  const [settled] = useDebouncedValue(unsaved(content, contactId), 500);
  return useQuery({
    queryKey: ["template", "preview", settled],
    queryFn: ({ signal }) => ask(api.POST("/syncom/v1/templates/preview", { body: settled, signal })),
    placeholderData: keepPreviousData,
    staleTime: LIFE,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
    retry: false,
    enabled,
  });
}

export function useChecks(content: Content, contactId: number | undefined, enabled = true) {
  const [settled] = useDebouncedValue(unsaved(content, contactId), 700);
  return useQuery({
    queryKey: ["template", "checks", settled],
    queryFn: ({ signal }) => ask(api.POST("/syncom/v1/templates/check", { body: settled, signal })),
    placeholderData: keepPreviousData,
    staleTime: LIFE,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
    retry: false,
    enabled,
  });
}
