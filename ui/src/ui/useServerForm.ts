/** A form whose wrong fields the server names: nothing typed is lost, each error stands at its field. */
import { type UseFormInput, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Failure } from "~/api/client";

type Options<Values extends Record<string, unknown>, Answer> = UseFormInput<Values> & {
  send: (values: Values) => Promise<Answer>;
  onDone?: (answer: Answer, values: Values) => void;
  /** The form's field for one the server names, when they differ. */
  fieldOf?: (field: string) => string;
};

type ServerForm<Values extends Record<string, unknown>> = {
  form: UseFormReturnType<Values>;
  /** For `<form onSubmit>`. */
  submit: (event?: React.FormEvent<HTMLFormElement>) => void;
  sending: boolean;
  /** What is wrong but belongs to no field of this form: show it with {@link Failed}. */
  failure: unknown;
  clearFailure: () => void;
};

export function useServerForm<Values extends Record<string, unknown>, Answer>({
  send,
  onDone,
  fieldOf = (field) => field,
  ...input
}: Options<Values, Answer>): ServerForm<Values> {
  const form = useForm<Values>(input);
  const [failure, setFailure] = useState<unknown>();
  const mutation = useMutation({
    mutationFn: send,
    onMutate: () => setFailure(undefined),
    onSuccess: (answer, values) => onDone?.(answer, values),
    onError: (error) => {
      const rest: string[] = [];
      if (error instanceof Failure)
        for (const wrong of error.fields) {
          const field = fieldOf(wrong.field);
          if (has(form.getValues(), field)) form.setFieldError(field, wrong.reason);
          else rest.push(wrong.field);
        }
      if (!(error instanceof Failure) || error.fields.length === 0 || rest.length > 0) setFailure(error);
    },
  });
  return {
    form,
    submit: form.onSubmit((values) => mutation.mutate(values)),
    sending: mutation.isPending,
    failure,
    clearFailure: () => setFailure(undefined),
  };
}

/** Whether a dotted path leads to a member of the form's values. */
function has(values: unknown, path: string): boolean {
  let found: unknown = values;
  for (const piece of path.split(".")) {
    if (typeof found !== "object" || found === null || !(piece in found)) return false;
    found = (found as Record<string, unknown>)[piece];
  }
  return true;
}
