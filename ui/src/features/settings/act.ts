/** One deed of a page: what it renews when it is done, and what is told. */
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { tellDone, tellFailed } from "~/ui/tell";

type Options<Values, Answer> = {
  renews: readonly QueryKey[];
  /** Told when it is done. */
  done?: string | ((answer: Answer, values: Values) => string);
  onDone?: (answer: Answer, values: Values) => void;
};

export function useAct<Answer, Values = void>(
  send: (values: Values) => Promise<Answer>,
  { renews, done, onDone }: Options<Values, Answer>,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (answer: Answer, values: Values) => {
      for (const queryKey of renews) void client.invalidateQueries({ queryKey });
      if (done !== undefined) tellDone(typeof done === "string" ? done : done(answer, values));
      onDone?.(answer, values);
    },
    onError: tellFailed,
  });
}
