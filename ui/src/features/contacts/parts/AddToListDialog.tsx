import { Button, Group, Modal, Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { listsQuery } from "~/api/lists";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { renewContacts } from "../queries";
import { listId } from "./DeedDialog";
import { ListSelect, NEW_LIST } from "./ListSelect";

/** One contact onto a list. */
export function AddToListDialog({ id, onClose }: { id: number; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const lists = useQuery(listsQuery);
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { list: "", listName: "" },
    validate: { list: (value) => (value === "" ? t("contacts.chooseList") : null) },
    fieldOf: (field) => (field === "name" ? "listName" : field),
    send: async (values) =>
      ask(
        api.POST("/syncom/v1/lists/{list_id}/members", {
          params: { path: { list_id: await listId(values) } },
          body: { contact_ids: [id] },
        }),
      ),
    onDone: ({ changed }) => {
      renewContacts(client);
      tellDone(changed > 0 ? t("contacts.onList") : t("contacts.wasOnList"));
      onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      closeButtonProps={{ "aria-label": t("common.close") }}
      title={t("contacts.deeds.add_to_list")}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <ListSelect
            lists={lists.data ?? []}
            canMake
            select={form.getInputProps("list")}
            name={form.getInputProps("listName")}
            isNew={form.values.list === NEW_LIST}
          />
          {failure !== undefined && <Failed error={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={sending}>
              {t("common.add")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
