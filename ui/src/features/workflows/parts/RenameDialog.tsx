import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { WorkflowSeen } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";

export function RenameDialog({ workflow, onClose }: { workflow: WorkflowSeen; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { name: workflow.name },
    send: (values: { name: string }) =>
      ask(
        api.PATCH("/syncom/v1/workflows/{workflow_id}", {
          params: { path: { workflow_id: workflow.workflow_id } },
          body: values,
        }),
      ),
    onDone: () => {
      void client.invalidateQueries({ queryKey: ["workflow"] });
      onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("workflows.editor.rename")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput label={t("recipes.nameLabel")} data-autofocus {...form.getInputProps("name")} />
          {failure !== undefined && <Failed error={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={sending}>
              {t("common.save")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
