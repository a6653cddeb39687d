import { Anchor, Button, Group, TextInput } from "@mantine/core";
import { IconPlus, IconTags } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { api, ask } from "~/api/client";
import type { Category } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { FormDialog } from "~/ui/FormDialog";
import { listState } from "~/ui/pages";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { AskedLink } from "../parts/AskedLink";
import { SettingsPage } from "../parts/SettingsPage";

export function CategoriesPage() {
  const { t } = useTranslation();
  const may = useMay("write_contacts");
  const categories = useQuery(categoriesQuery);
  const [changing, setChanging] = useState<Category | "new">();
  const columns = useMemo<Column<Category>[]>(
    () => [
      {
        id: "name",
        header: t("settings.categories.name"),
        width: "2fr",
        cell: (one) => <span dir="auto">{one.name}</span>,
      },
      { id: "key", header: t("settings.categories.key"), cell: (one) => <code>{one.key}</code> },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "190px",
        cell: (one) => may && <Acts category={one} onChange={() => setChanging(one)} />,
      },
    ],
    [t, may],
  );
  const add = may && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setChanging("new")}>
      {t("settings.categories.add")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("settings.places.categories.title")}
      soft={t("settings.categories.soft")}
      actions={add}
    >
      <DataTable
        label={t("settings.places.categories.title")}
        columns={columns}
        rows={categories.data ?? []}
        rowKey={(one) => String(one.category_id)}
        {...listState(categories)}
        empty={
          <Empty icon={<IconTags />} title={t("settings.categories.none")} action={add}>
            {t("settings.categories.noneHint")}
          </Empty>
        }
      />
      {changing && (
        <CategoryForm
          category={changing === "new" ? undefined : changing}
          onClose={() => setChanging(undefined)}
        />
      )}
    </SettingsPage>
  );
}

function Acts({ category, onChange }: { category: Category; onChange: () => void }) {
  const { t } = useTranslation();
  const remove = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/categories/{category_id}", {
          params: { path: { category_id: category.category_id } },
        }),
      ),
    { renews: [categoriesQuery.queryKey], done: t("settings.categories.gone") },
  );
  return (
    <Group gap="sm" wrap="nowrap">
      <Anchor component="button" size="sm" onClick={onChange}>
        {t("settings.categories.rename")}
      </Anchor>
      <AskedLink
        title={t("settings.categories.delete")}
        text={t("settings.categories.deleteAsk", { name: category.name })}
        act={t("settings.categories.delete")}
        onYes={() => remove.mutate()}
      >
        {t("common.delete")}
      </AskedLink>
    </Group>
  );
}

function CategoryForm({ category, onClose }: { category?: Category; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { name: category?.name ?? "", key: category?.key ?? "" },
    send: (body) => ask(api.POST("/syncom/v1/categories", { body })),
    onDone: () => {
      void client.invalidateQueries({ queryKey: categoriesQuery.queryKey });
      tellDone(t("common.saved"));
      onClose();
    },
  });
  const act = category ? t("common.save") : t("settings.categories.add");
  return (
    <FormDialog
      title={category ? t("settings.categories.rename") : t("settings.categories.add")}
      act={act}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("settings.categories.name")}
        description={t("settings.categories.nameHint")}
        required
        data-autofocus
        dir="auto"
        {...form.getInputProps("name")}
      />
      <TextInput
        label={t("settings.categories.key")}
        description={t("settings.categories.keyHint")}
        required
        disabled={category !== undefined}
        {...form.getInputProps("key")}
      />
    </FormDialog>
  );
}
