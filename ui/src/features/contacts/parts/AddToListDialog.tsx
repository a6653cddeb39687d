import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { listsQuery } from "~/api/lists";
import { FormDialog } from "~/ui/FormDialog";
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
    <FormDialog
      title={t("contacts.deeds.add_to_list")}
      act={t("common.add")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <ListSelect
        lists={lists.data ?? []}
        canMake
        select={form.getInputProps("list")}
        name={form.getInputProps("listName")}
        isNew={form.values.list === NEW_LIST}
      />
    </FormDialog>
  );
}
