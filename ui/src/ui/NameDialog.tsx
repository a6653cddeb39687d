import { TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Failure } from "~/api/client";
import { FormDialog } from "./FormDialog";
import { useServerForm } from "./useServerForm";

/** Asks for a name, and nothing else. */
export function NameDialog<Answer>({
  title,
  act,
  label,
  description,
  placeholder,
  name = "",
  send,
  onDone,
  onClose,
  children,
}: {
  title: string;
  /** What the button does. */
  act: string;
  /** The field's, if "Name" says too little. */
  label?: string;
  description?: string;
  placeholder?: string;
  /** What it is called now. */
  name?: string;
  send: (name: string) => Promise<Answer>;
  /** Called when the dialog is closed already. */
  onDone?: (answer: Answer) => void;
  onClose: () => void;
  /** What gets the name. */
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { name },
    send: (values) => send(values.name),
    onDone: (answer) => {
      onClose();
      onDone?.(answer);
    },
  });
  // There is nothing else here that another one could have already.
  const taken = failure instanceof Failure && failure.status === 409 ? failure.message : undefined;
  return (
    <FormDialog
      title={title}
      act={act}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={taken ? undefined : failure}
    >
      {children}
      <TextInput
        label={label ?? t("common.name")}
        description={description}
        placeholder={placeholder}
        required
        dir="auto"
        data-autofocus
        {...form.getInputProps("name")}
        error={form.errors.name ?? taken}
      />
    </FormDialog>
  );
}
