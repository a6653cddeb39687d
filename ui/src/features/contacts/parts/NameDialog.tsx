import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";

/** Asks for a name, and nothing else. */
export function NameDialog<Answer>({
  title,
  act,
  name = "",
  send,
  onDone,
  onClose,
}: {
  title: string;
  act: string;
  name?: string;
  send: (name: string) => Promise<Answer>;
  onDone: (answer: Answer) => void;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { name },
    send: (values) => send(values.name),
    onDone: (answer) => {
      onClose();
      onDone(answer);
    },
  });
  return (
    <Modal opened onClose={onClose} closeButtonProps={{ "aria-label": t("common.close") }} title={title}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={t("common.name")}
            required
            dir="auto"
            data-autofocus
            {...form.getInputProps("name")}
          />
          {failure !== undefined && <Failed error={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={sending}>
              {act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
