/** What the server says of a condition while it is edited: in words, how many, ten of them, or what is wrong with it. */
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask, Failure, type FieldError } from "~/api/client";
import type { Count, ContactsPerson as Person } from "~/api/schema";
import { isUnfinished, type Tree } from "./tree";

const PAUSE = 400;
const SAMPLE = 10;

export type Answer = {
  sentence: string;
  count: Count | undefined;
  people: readonly Person[];
  /** When it was counted; 0: not yet. */
  at: number;
  /** Something is still to be filled in; nothing is asked until then. */
  isUnfinished: boolean;
  isAsking: boolean;
  /** By their place in the tree, which is called `condition`. */
  errors: readonly FieldError[];
  /** Anything else that went wrong. */
  failure: unknown;
  again: () => void;
};

const NOTHING: readonly never[] = [];

/** Asks once the condition has been left alone for a moment; what was asked of an older one is given up. */
export function useAnswer(condition: Tree, options: { people?: boolean } = {}): Answer {
  const [settled] = useDebouncedValue(condition, PAUSE);
  const unfinished = isUnfinished(condition);
  const text = JSON.stringify(settled);
  const enabled = !isUnfinished(settled);
  const common = { enabled, placeholderData: keepPreviousData, retry: false, staleTime: 30_000 };
  const sentence = useQuery({
    queryKey: ["condition", "sentence", text],
    queryFn: ({ signal }) =>
      ask(api.POST("/syncom/v1/segments/sentence", { body: { condition: settled }, signal })),
    ...common,
  });
  const count = useQuery({
    queryKey: ["condition", "count", text],
    queryFn: ({ signal }) =>
      ask(api.POST("/syncom/v1/segments/count", { body: { condition: settled, estimate: true }, signal })),
    ...common,
  });
  const people = useQuery({
    queryKey: ["condition", "people", text],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/syncom/v1/segments/contacts", {
          params: { query: { limit: SAMPLE } },
          body: { condition: settled },
          signal,
        }),
      ),
    ...common,
    // A condition that is wrong is told of once.
    enabled: enabled && (options.people ?? true) && count.isSuccess,
  });
  const failure = [count.error, sentence.error, people.error].find((error) => error !== null);
  const isCurrent = settled === condition;
  const wrong = failure instanceof Failure && failure.fields.length > 0;
  return {
    sentence: sentence.data?.sentence ?? "",
    count: count.error ? undefined : count.data,
    people: count.error ? NOTHING : (people.data?.items ?? NOTHING),
    at: count.dataUpdatedAt,
    isUnfinished: unfinished,
    isAsking: !isCurrent || count.isFetching || sentence.isFetching || people.isFetching,
    errors: wrong && isCurrent && enabled ? failure.fields : NOTHING,
    failure: wrong ? undefined : failure,
    again: () => {
      void count.refetch();
      void people.refetch();
    },
  };
}
