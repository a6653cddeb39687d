import { Button, Menu } from "@mantine/core";
import { IconDownload, IconUpload, IconUserPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { MoreMenu } from "~/ui/MoreMenu";
import { NameDialog } from "~/ui/NameDialog";
import { Page } from "~/ui/Page";
import { tellDone } from "~/ui/tell";
import { useListDeletion } from "../parts/listDeletion";
import { PeopleTable } from "../parts/PeopleTable";
import { listQuery } from "../queries";
import type { ListSearch } from "../searches";

export function ListPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/lists/$id" }).id);
  const search = useSearch({ from: "/lists/$id" });
  const go = useNavigate();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const mayExport = useMay("export_contacts");
  const list = useQuery(listQuery(id));
  const [isNaming, setNaming] = useState(false);
  const remove = useListDeletion(() => void go({ to: "/lists" }));
  const put = (change: ListSearch) =>
    void go({
      to: "/lists/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  const crumbs = [{ label: t("nav.lists"), to: "/lists" as const }];
  if (list.error && !list.data)
    return (
      <Page title={t("nav.lists")} crumbs={crumbs}>
        <Failed error={list.error} retry={() => void list.refetch()} />
      </Page>
    );
  const bring = mayWrite && (
    <Button
      leftSection={<IconUpload size={18} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/imports/new" search={{ list: id }} />}
    >
      {t("contacts.import")}
    </Button>
  );
  return (
    <Page
      title={list.data?.name ?? "…"}
      crumbs={crumbs}
      soft={list.data && t("contacts.total", { count: list.data.size, shown: number(list.data.size) })}
      actions={
        <>
          {bring}
          {(mayWrite || mayExport) && (
            <MoreMenu beside>
              {mayExport && (
                <Menu.Item
                  component="a"
                  href={`/syncom/v1/exports/contacts.csv?list_id=${id}`}
                  download
                  leftSection={<IconDownload size={16} aria-hidden />}
                >
                  {t("contacts.exportList")}
                </Menu.Item>
              )}
              {mayWrite && (
                <>
                  <Menu.Item onClick={() => setNaming(true)}>{t("lists.rename")}</Menu.Item>
                  <Menu.Item color="red" onClick={() => list.data && remove(list.data)}>
                    {t("lists.delete")}
                  </Menu.Item>
                </>
              )}
            </MoreMenu>
          )}
        </>
      }
    >
      <PeopleTable
        condition={{ list: id }}
        search={search}
        put={put}
        isFiltered={false}
        remember="list"
        list={id}
        nobody={
          <Empty icon={<IconUserPlus />} title={t("lists.nobody")} action={bring}>
            {t("lists.nobodyNext")}
          </Empty>
        }
      />
      {isNaming && list.data && (
        <NameDialog
          title={t("lists.rename")}
          act={t("common.save")}
          name={list.data.name}
          send={(name) =>
            ask(
              api.PATCH("/syncom/v1/lists/{list_id}", { params: { path: { list_id: id } }, body: { name } }),
            )
          }
          onDone={() => {
            void client.invalidateQueries({ queryKey: ["list"] });
            tellDone(t("common.saved"));
          }}
          onClose={() => setNaming(false)}
        />
      )}
    </Page>
  );
}
