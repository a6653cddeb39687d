import { Anchor, Button, Menu, Text } from "@mantine/core";
import { IconList, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { listsQuery } from "~/api/lists";
import type { ContactList } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { MoreMenu } from "~/ui/MoreMenu";
import { NameDialog } from "~/ui/NameDialog";
import { Page } from "~/ui/Page";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useListDeletion } from "../parts/listDeletion";

export function ListsPage() {
  const { t } = useTranslation();
  const go = useNavigate();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const lists = useQuery(listsQuery);
  const [dialog, setDialog] = useState<"new" | ContactList>();
  const remove = useListDeletion();
  const columns = useMemo<Column<ContactList>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "3fr",
        cell: (one) => (
          <Anchor
            size="sm"
            fw={500}
            dir="auto"
            renderRoot={(props) => <Link {...props} to="/lists/$id" params={{ id: String(one.list_id) }} />}
          >
            {one.name}
          </Anchor>
        ),
      },
      {
        id: "size",
        header: t("lists.size"),
        width: "120px",
        numeric: true,
        cell: (one) => number(one.size),
      },
      {
        id: "created",
        header: t("lists.created"),
        width: "160px",
        cell: (one) => <Time at={one.created_at} relative />,
      },
      ...(mayWrite
        ? [
            {
              id: "acts",
              header: t("lists.acts"),
              width: "80px",
              cell: (one: ContactList) => (
                <MoreMenu label={t("lists.actsOf", { name: one.name })}>
                  <Menu.Item onClick={() => setDialog(one)}>{t("lists.rename")}</Menu.Item>
                  <Menu.Item color="red" onClick={() => remove(one)}>
                    {t("common.delete")}
                  </Menu.Item>
                </MoreMenu>
              ),
            },
          ]
        : []),
    ],
    [t, mayWrite, remove],
  );
  const add = mayWrite && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setDialog("new")}>
      {t("lists.new")}
    </Button>
  );
  return (
    <Page title={t("nav.lists")} actions={add} soft={<Text size="sm">{t("lists.what")}</Text>}>
      <DataTable
        label={t("nav.lists")}
        columns={columns}
        rows={lists.data ?? []}
        rowKey={(one) => String(one.list_id)}
        {...listState(lists)}
        open={(one) => void go({ to: "/lists/$id", params: { id: String(one.list_id) } })}
        empty={
          <Empty icon={<IconList />} title={t("lists.none")} action={add}>
            {t("lists.noneNext")}
          </Empty>
        }
      />
      {dialog && (
        <NameDialog
          title={dialog === "new" ? t("lists.new") : t("lists.rename")}
          act={dialog === "new" ? t("common.create") : t("common.save")}
          name={dialog === "new" ? "" : dialog.name}
          send={(name) =>
            dialog === "new"
              ? ask(api.POST("/syncom/v1/lists", { body: { name } }))
              : ask(
                  api.PATCH("/syncom/v1/lists/{list_id}", {
                    params: { path: { list_id: dialog.list_id } },
                    body: { name },
                  }),
                )
          }
          onDone={(list) => {
            void client.invalidateQueries({ queryKey: ["list"] });
            tellDone(t("common.saved"));
            if (dialog === "new") void go({ to: "/lists/$id", params: { id: String(list.list_id) } });
          }}
          onClose={() => setDialog(undefined)}
        />
      )}
    </Page>
  );
}
