import { Select, TextInput } from "@mantine/core";
import type { GetInputPropsReturnType } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { ContactList } from "~/api/schema";

export const NEW_LIST = "new";

/** A list of those there are, or a new one by its name. */
export function ListSelect({
  lists,
  canMake,
  select,
  name,
  isNew,
}: {
  lists: readonly ContactList[];
  canMake: boolean;
  select: GetInputPropsReturnType;
  name: GetInputPropsReturnType;
  isNew: boolean;
}) {
  const { t } = useTranslation();
  return (
    <>
      <Select
        label={t("contacts.list")}
        searchable
        nothingFoundMessage={t("contacts.noSuchList")}
        data={[
          ...lists.map((one) => ({ value: String(one.list_id), label: one.name })),
          ...(canMake ? [{ value: NEW_LIST, label: t("contacts.newList") }] : []),
        ]}
        {...select}
      />
      {isNew && <TextInput label={t("contacts.listName")} data-autofocus required {...name} />}
    </>
  );
}
