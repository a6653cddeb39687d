/** One deed of a page: what it renews when it is done, and what is told. */
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { tellDone, tellFailed } from "~/ui/tell";

type Options<Answer> = {
  renews: readonly QueryKey[];
  done?: string | ((answer: Answer) => string);
  onDone?: (answer: Answer) => void;
};

export function useAct<Answer, Values = void>(
  send: (values: Values) => Promise<Answer>,
  { renews, done, onDone }: Options<Answer>,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (answer: Answer) => {
      for (const queryKey of renews) void client.invalidateQueries({ queryKey });
      if (done !== undefined) tellDone(typeof done === "string" ? done : done(answer));
      onDone?.(answer);
    },
    onError: tellFailed,
  });
}
