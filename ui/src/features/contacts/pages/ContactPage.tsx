import { Button, Grid, Group, Menu, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import {
  IconChevronDown,
  IconDownload,
  IconGitMerge,
  IconListCheck,
  IconTrash,
  IconUserX,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { contactQuery } from "~/api/contacts";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { tellDone, tellFailed } from "~/ui/tell";
import { AddToListDialog } from "../parts/AddToListDialog";
import { Carts, Orders } from "../parts/Bought";
import { Consents } from "../parts/Consents";
import { Groups } from "../parts/Groups";
import { MergeDialog } from "../parts/MergeDialog";
import { nameOf } from "../parts/names";
import { Profile } from "../parts/Profile";
import { Standing } from "../parts/Standing";
import { Subscriptions } from "../parts/Subscriptions";
import { Timeline } from "../parts/Timeline";
import { type Person, renewContacts } from "../queries";
import { type ContactSearch, TABS } from "../searches";

export function ContactPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/contacts/$id" }).id);
  const contact = useQuery(contactQuery(id));
  const crumbs = [{ label: t("nav.contacts"), to: "/contacts" as const }];
  if (!contact.data)
    return (
      <Page title={contact.error ? t("nav.contacts") : "…"} crumbs={crumbs}>
        {contact.error ? (
          <Gone id={id} error={contact.error} retry={() => void contact.refetch()} />
        ) : (
          <Skeleton height={420} radius="lg" />
        )}
      </Page>
    );
  const person = contact.data;
  return (
    <Page
      title={nameOf(person)}
      crumbs={crumbs}
      soft={
        <Group gap={6}>
          <span dir="auto">{person.email ?? person.phone ?? person.external_id}</span>
          {" · "}
          {t("contacts.since")} <Time at={person.created_at} relative />
        </Group>
      }
      actions={<Acts person={person} />}
    >
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5, lg: 4 }}>
          <Stack gap="md">
            <Profile person={person} />
            <Subscriptions person={person} />
            <Groups id={id} />
            <Standing id={id} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7, lg: 8 }}>
          <Story id={id} />
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** One who is not there: perhaps deleted, and then to be had back. */
function Gone({ id, error, retry }: { id: number; error: unknown; retry: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const restore = useMutation({
    mutationFn: () =>
      ask(api.POST("/syncom/v1/contacts/{contact_id}/restore", { params: { path: { contact_id: id } } })),
    onSuccess: () => renewContacts(client),
    onError: tellFailed,
  });
  const isMissing = error instanceof Failure && error.status === 404;
  return (
    <Stack align="flex-start">
      <Failed error={error} retry={isMissing ? undefined : retry} />
      {isMissing && mayWrite && (
        <>
          <Text size="sm">{t("contacts.maybeDeleted")}</Text>
          <Button variant="light" loading={restore.isPending} onClick={() => restore.mutate()}>
            {t("contacts.restore")}
          </Button>
        </>
      )}
    </Stack>
  );
}

function Story({ id }: { id: number }) {
  const { t } = useTranslation();
  const search = useSearch({ from: "/contacts/$id" });
  const go = useNavigate();
  const put = (change: ContactSearch) =>
    void go({
      to: "/contacts/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  return (
    <Tabs
      value={search.tab ?? "timeline"}
      onChange={(tab) => put({ tab: TABS.find((one) => one === tab && one !== "timeline") })}
      keepMounted={false}
    >
      <Tabs.List mb="sm">
        {TABS.map((tab) => (
          <Tabs.Tab key={tab} value={tab}>
            {t(`contacts.tabs.${tab}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="timeline">
        <Timeline id={id} search={search} put={put} />
      </Tabs.Panel>
      <Tabs.Panel value="consent">
        <Consents id={id} />
      </Tabs.Panel>
      <Tabs.Panel value="orders">
        <Orders id={id} />
      </Tabs.Panel>
      <Tabs.Panel value="carts">
        <Carts id={id} />
      </Tabs.Panel>
    </Tabs>
  );
}

function Acts({ person }: { person: Person }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const mayWrite = useMay("write_contacts");
  const [dialog, setDialog] = useState<"list" | "merge">();
  const path = { params: { path: { contact_id: person.contact_id } } };
  const restore = useMutation({
    mutationFn: () => ask(api.POST("/syncom/v1/contacts/{contact_id}/restore", path)),
    onSuccess: () => {
      renewContacts(client);
      void go({ to: "/contacts/$id", params: { id: String(person.contact_id) } });
    },
    onError: tellFailed,
  });
  const remove = useMutation({
    mutationFn: (erase: boolean) =>
      ask(
        api.DELETE("/syncom/v1/contacts/{contact_id}", {
          params: { path: { contact_id: person.contact_id }, query: { erase } },
        }),
      ),
    onSuccess: (_, erase) => {
      void go({ to: "/contacts" });
      client.removeQueries({ queryKey: ["contact", person.contact_id] });
      renewContacts(client);
      if (erase) tellDone(t("contacts.erased"));
      else tellDone(t("contacts.deleted"), () => restore.mutate());
    },
    onError: tellFailed,
  });
  return (
    <>
      {mayWrite && (
        <Button
          variant="default"
          leftSection={<IconListCheck size={18} aria-hidden />}
          onClick={() => setDialog("list")}
        >
          {t("contacts.deeds.add_to_list")}
        </Button>
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button
            variant="default"
            rightSection={<IconChevronDown size={16} aria-hidden />}
            loading={remove.isPending}
          >
            {t("common.more")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            component="a"
            href={`/syncom/v1/contacts/${person.contact_id}/export`}
            download
            leftSection={<IconDownload size={16} aria-hidden />}
          >
            {t("contacts.exportPerson")}
          </Menu.Item>
          {mayWrite && (
            <>
              <Menu.Item
                leftSection={<IconGitMerge size={16} aria-hidden />}
                onClick={() => setDialog("merge")}
              >
                {t("contacts.merge")}
              </Menu.Item>
              <Menu.Divider />
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => remove.mutate(false)}
              >
                {t("common.delete")}
              </Menu.Item>
              <Menu.Item
                color="red"
                leftSection={<IconUserX size={16} aria-hidden />}
                onClick={() =>
                  confirm({
                    title: t("contacts.erase"),
                    text: t("contacts.eraseWhat", { name: nameOf(person) }),
                    act: t("contacts.eraseAct"),
                    onYes: () => remove.mutate(true),
                  })
                }
              >
                {t("contacts.eraseMenu")}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {dialog === "list" && <AddToListDialog id={person.contact_id} onClose={() => setDialog(undefined)} />}
      {dialog === "merge" && <MergeDialog person={person} onClose={() => setDialog(undefined)} />}
    </>
  );
}
