import { Badge, Button, Menu, Text } from "@mantine/core";
import { IconForms, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { fieldsQuery } from "~/api/fields";
import type { CustomField } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { MoreMenu } from "~/ui/MoreMenu";
import { Page } from "~/ui/Page";
import { listState } from "~/ui/pages";
import { tellDone, tellFailed } from "~/ui/tell";
import { FieldDialog } from "../parts/FieldDialog";

export function FieldsPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayManage = useMay("manage_settings");
  const fields = useQuery(fieldsQuery);
  const [dialog, setDialog] = useState<"new" | CustomField>();
  const { mutate: remove } = useMutation({
    mutationFn: (field: CustomField) =>
      ask(api.DELETE("/syncom/v1/fields/{field_id}", { params: { path: { field_id: field.field_id } } })),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["field"] });
      tellDone(t("fields.deleted"));
    },
    onError: tellFailed,
  });
  const columns = useMemo<Column<CustomField>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (one) => <span dir="auto">{one.name}</span>,
      },
      { id: "type", header: t("fields.type"), width: "150px", cell: (one) => t(`fields.types.${one.type}`) },
      {
        id: "tag",
        header: t("fields.tag"),
        width: "2fr",
        cell: (one) => <Copy text={`{{ ${one.key} }}`} />,
      },
      {
        id: "choices",
        header: t("fields.choices"),
        width: "2fr",
        cell: (one) =>
          one.choices.slice(0, 4).map((choice) => (
            <Badge key={choice} tt="none" color="gray" me={4} maw={110} dir="auto">
              {choice}
            </Badge>
          )),
      },
      ...(mayManage
        ? [
            {
              id: "acts",
              header: t("lists.acts"),
              width: "80px",
              cell: (one: CustomField) => (
                <MoreMenu label={t("lists.actsOf", { name: one.name })}>
                  <Menu.Item onClick={() => setDialog(one)}>{t("common.edit")}</Menu.Item>
                  <Menu.Item
                    color="red"
                    onClick={() =>
                      confirm({
                        title: t("fields.delete"),
                        text: t("fields.deleteWhat", { name: one.name }),
                        act: t("fields.delete"),
                        onYes: () => remove(one),
                      })
                    }
                  >
                    {t("common.delete")}
                  </Menu.Item>
                </MoreMenu>
              ),
            },
          ]
        : []),
    ],
    [t, mayManage, remove],
  );
  const add = mayManage && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setDialog("new")}>
      {t("fields.new")}
    </Button>
  );
  return (
    <Page
      title={t("fields.title")}
      crumbs={[{ label: t("nav.contacts"), to: "/contacts" }]}
      soft={<Text size="sm">{t("fields.what")}</Text>}
      actions={add}
    >
      <DataTable
        label={t("fields.title")}
        columns={columns}
        rows={fields.data ?? []}
        rowKey={(one) => String(one.field_id)}
        {...listState(fields)}
        empty={
          <Empty icon={<IconForms />} title={t("fields.none")} action={add}>
            {t("fields.noneNext")}
          </Empty>
        }
      />
      {dialog && (
        <FieldDialog field={dialog === "new" ? undefined : dialog} onClose={() => setDialog(undefined)} />
      )}
    </Page>
  );
}
