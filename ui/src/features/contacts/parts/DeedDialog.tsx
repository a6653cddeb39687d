/** One thing to do to many contacts: what it needs to know, and to how many it is done. */
import { Select, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { MEMBERS } from "~/api/contacts";
import { fieldsQuery } from "~/api/fields";
import { listsQuery } from "~/api/lists";
import type { BulkInput } from "~/api/schema";
import { FormDialog } from "~/ui/FormDialog";
import { number } from "~/ui/format";
import { useServerForm } from "~/ui/useServerForm";
import { startAction } from "../queries";
import { CHANNELS } from "../searches";
import { FieldInput, type FieldValue, sentValue } from "./FieldInput";
import { ListSelect, NEW_LIST } from "./ListSelect";

export const DEEDS = [
  "add_to_list",
  "remove_from_list",
  "set_fields",
  "add_tag",
  "remove_tag",
  "subscribe",
  "unsubscribe",
  "suppress",
  "delete",
] as const;
export type DeedName = (typeof DEEDS)[number];

type Values = {
  list: string;
  listName: string;
  field: string;
  value: FieldValue;
  tag: string;
  channel: string;
  proof: string;
};

type Props = {
  deed: DeedName;
  count: number;
  list?: number;
  target: Pick<BulkInput, "condition" | "contact_ids">;
  onClose: () => void;
  onStarted: (action: number) => void;
};

/** What the server calls them. */
const FIELDS: { [field: string]: string } = {
  list_id: "list",
  name: "listName",
  values: "value",
  field: "field",
  tag: "tag",
  channel: "channel",
  proof: "proof",
};

export function DeedDialog({ deed, count, list, target, onClose, onStarted }: Props) {
  const { t } = useTranslation();
  const lists = useQuery(listsQuery);
  const fields = useQuery(fieldsQuery);
  const { form, submit, sending, failure } = useServerForm<Values, { action_id: number }>({
    initialValues: {
      list: deed === "remove_from_list" && list ? String(list) : "",
      listName: "",
      field: "",
      value: "",
      tag: "",
      channel: "email",
      proof: "",
    },
    validate: (values) => ({
      list: deed.endsWith("_list") && values.list === "" ? t("contacts.chooseList") : null,
      field:
        (deed === "set_fields" || deed.endsWith("_tag")) && values.field === ""
          ? t("contacts.chooseField")
          : null,
      tag: deed.endsWith("_tag") && values.tag === "" ? t("contacts.chooseTag") : null,
      proof: deed === "subscribe" && values.proof.trim() === "" ? t("contacts.sayProof") : null,
    }),
    fieldOf: (field) => FIELDS[field.replace(/^deed\./, "").split(".")[0] ?? ""] ?? field,
    send: async (values) => startAction({ deed: await deedOf(values), ...target }),
    onDone: (action) => {
      onClose();
      onStarted(action.action_id);
    },
  });
  const custom = fields.data?.find((one) => one.key === form.values.field);

  async function deedOf(values: Values): Promise<BulkInput["deed"]> {
    const channel = values.channel;
    switch (deed) {
      case "add_to_list":
        return { do: deed, list_id: await listId(values) };
      case "remove_from_list":
        return { do: deed, list_id: Number(values.list) };
      case "set_fields":
        return { do: deed, values: { [values.field]: sentValue(custom?.type ?? "text", values.value) } };
      case "add_tag":
      case "remove_tag":
        return { do: deed, field: values.field, tag: values.tag };
      case "subscribe":
        return { do: deed, channel, proof: values.proof.trim() };
      case "unsubscribe":
      case "suppress":
        return { do: deed, channel };
      default:
        return { do: "delete" };
    }
  }

  return (
    <FormDialog
      title={t(`contacts.deeds.${deed}`)}
      act={t("contacts.doTo", { count, shown: number(count) })}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
      danger={deed === "delete"}
    >
      <Text size="sm">{t(`contacts.deedHints.${deed}`)}</Text>
      {deed.endsWith("_list") && (
        <ListSelect
          lists={lists.data ?? []}
          canMake={deed === "add_to_list"}
          select={form.getInputProps("list")}
          name={form.getInputProps("listName")}
          isNew={form.values.list === NEW_LIST}
        />
      )}
      {deed === "set_fields" && (
        <>
          <Select
            label={t("contacts.field")}
            searchable
            data={[
              {
                group: t("contacts.standard"),
                items: MEMBERS.map((one) => ({
                  value: one,
                  label: t(`contacts.members.${one}`),
                })),
              },
              {
                group: t("contacts.custom"),
                items: (fields.data ?? []).map((one) => ({ value: one.key, label: one.name || one.key })),
              },
            ]}
            {...form.getInputProps("field")}
            onChange={(field) => {
              form.setValues({ field: field ?? "", value: "" });
            }}
          />
          {form.values.field !== "" && (
            <FieldInput
              label={t("contacts.value")}
              description={t("contacts.emptyClears")}
              type={custom?.type ?? "text"}
              choices={custom?.choices ?? []}
              {...form.getInputProps("value")}
            />
          )}
        </>
      )}
      {deed.endsWith("_tag") && (
        <>
          <Select
            label={t("contacts.field")}
            description={t("contacts.tagField")}
            data={(fields.data ?? [])
              .filter((one) => one.type === "multichoice")
              .map((one) => ({ value: one.key, label: one.name || one.key }))}
            {...form.getInputProps("field")}
            onChange={(field) => form.setValues({ field: field ?? "", tag: "" })}
          />
          <Select
            label={t("contacts.tag")}
            data={custom ? [...custom.choices] : []}
            disabled={!custom}
            searchable
            {...form.getInputProps("tag")}
          />
        </>
      )}
      {(deed === "subscribe" || deed === "unsubscribe" || deed === "suppress") && (
        <Select
          label={t("contacts.channel")}
          allowDeselect={false}
          data={CHANNELS.filter((one) => deed !== "suppress" || one !== "webpush").map((one) => ({
            value: one,
            label: t(`contacts.channels.${one}`),
          }))}
          {...form.getInputProps("channel")}
        />
      )}
      {deed === "subscribe" && (
        <TextInput
          label={t("contacts.proof")}
          description={t("contacts.proofHint")}
          {...form.getInputProps("proof")}
        />
      )}
    </FormDialog>
  );
}

/** The chosen list, made first where it is a new one. */
export async function listId(values: { list: string; listName: string }): Promise<number> {
  if (values.list !== NEW_LIST) return Number(values.list);
  return (await ask(api.POST("/syncom/v1/lists", { body: { name: values.listName } }))).list_id;
}
