import {
  Alert,
  Anchor,
  Button,
  Code,
  Group,
  Paper,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconDownload, IconInbox, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { InboxEntry } from "~/api/schema";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";
import type { InboxSearch } from "../search";

export function InboxPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as InboxSearch;
  const [typed, setTyped] = useState(search.to ?? "");
  const [to] = useDebouncedValue(typed.trim(), 250);
  const pages = usePages(["inbox", to], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/inbox", { params: { query: { to: to || undefined, cursor, limit: 100 } }, signal }),
    ),
  );
  const look = (change: InboxSearch) =>
    void navigate({ to: ".", search: { ...search, ...change } as never, replace: true });
  const clear = useAct(() => ask(api.DELETE("/syncom/v1/inbox")), {
    renews: [["inbox"]],
    done: (answer) => t("inbox.cleared", { count: answer.deleted }),
    onDone: () => look({ mail: undefined }),
  });
  const columns = useMemo<Column<InboxEntry>[]>(
    () => [
      {
        id: "subject",
        header: t("inbox.subject"),
        width: "2fr",
        cell: (mail) => (
          <Anchor
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link
                {...props}
                to="."
                search={((before: InboxSearch) => ({ ...before, mail: mail.inbox_id })) as never}
              />
            )}
          >
            {mail.subject || t("inbox.noSubject")}
          </Anchor>
        ),
      },
      { id: "to", header: t("inbox.to"), cell: (mail) => <span title={mail.to}>{mail.to}</span> },
      {
        id: "channel",
        header: t("senders.channel"),
        width: "90px",
        cell: (mail) => t(`senders.channels.${mail.channel as "email"}`, { defaultValue: mail.channel }),
      },
      {
        id: "at",
        header: t("inbox.at"),
        width: "130px",
        cell: (mail) => <Time at={mail.received_at} relative />,
      },
    ],
    [t],
  );
  return (
    <SettingsPage
      title={t("settings.places.inbox.title")}
      soft={t("inbox.soft")}
      actions={
        pages.rows.length > 0 && (
          <Button
            variant="light"
            color="red"
            leftSection={<IconTrash size={16} aria-hidden />}
            onClick={() =>
              confirm({
                title: t("inbox.clear"),
                text: t("inbox.clearAsk"),
                act: t("inbox.clear"),
                onYes: () => clear.mutate(),
              })
            }
          >
            {t("inbox.clear")}
          </Button>
        )
      }
    >
      <TextInput
        label={t("inbox.recipient")}
        maw={340}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          look({ to: event.currentTarget.value || undefined });
        }}
      />
      <SimpleGrid cols={search.mail ? { base: 1, lg: 2 } : 1}>
        <DataTable
          label={t("settings.places.inbox.title")}
          columns={columns}
          rowKey={(mail) => String(mail.inbox_id)}
          {...pages}
          open={(mail) => look({ mail: mail.inbox_id })}
          height={search.mail ? 560 : undefined}
          empty={
            <Empty icon={<IconInbox />} title={t("inbox.none")}>
              {t("inbox.noneHint")}
            </Empty>
          }
        />
        {search.mail && <Mail key={search.mail} id={search.mail} search={search} look={look} />}
      </SimpleGrid>
    </SettingsPage>
  );
}

function Mail({
  id,
  search,
  look,
}: {
  id: number;
  search: InboxSearch;
  look: (change: InboxSearch) => void;
}) {
  const { t } = useTranslation();
  const mail = useQuery({
    queryKey: ["inbox", "mail", id],
    queryFn: () => ask(api.GET("/syncom/v1/inbox/{inbox_id}", { params: { path: { inbox_id: id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (mail.isError && !mail.data) return <Failed error={mail.error} retry={() => void mail.refetch()} />;
  if (!mail.data) return null;
  const { html, text, headers, attachments } = mail.data;
  // Texts and notifications have no HTML.
  const view = search.view ?? (html === "" ? "text" : "html");
  const header = (name: string) =>
    String((headers as string[][]).find(([one]) => one?.toLowerCase() === name)?.[1] ?? "");
  return (
    <Paper withBorder p="md" component="section" aria-label={t("inbox.mail")} style={{ minWidth: 0 }}>
      <Stack gap="sm">
        <div>
          <Text fw={600} dir="auto" style={{ overflowWrap: "anywhere" }}>
            {header("subject") || t("inbox.noSubject")}
          </Text>
          <Text size="sm" c="dimmed" dir="auto" style={{ overflowWrap: "anywhere" }}>
            {header("from")} → {header("to")}
          </Text>
        </div>
        <Group justify="space-between" gap="xs">
          <SegmentedControl
            size="xs"
            aria-label={t("inbox.view")}
            value={view}
            onChange={(value) => look({ view: value === "html" ? undefined : (value as "text") })}
            data={[
              ...(html === "" ? [] : [{ value: "html", label: t("inbox.views.html") }]),
              { value: "text", label: t("inbox.views.text") },
              { value: "headers", label: t("inbox.views.headers") },
            ]}
          />
          <Group gap="xs">
            <Button
              component="a"
              size="compact-sm"
              variant="default"
              href={`/inbox/${id}/raw`}
              download
              leftSection={<IconDownload size={14} aria-hidden />}
            >
              {t("inbox.raw")}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => look({ mail: undefined, view: undefined })}
            >
              {t("common.close")}
            </Button>
          </Group>
        </Group>
        {view === "html" && <MailFrame src={`/inbox/${id}/html`} title={t("inbox.mail")} height={520} />}
        {view === "text" && <Plain text={text || t("inbox.noText")} />}
        {view === "headers" && (
          <Plain text={(headers as string[][]).map(([name, value]) => `${name}: ${value}`).join("\n")} />
        )}
        {attachments.length > 0 && (
          <Alert color="gray" title={t("inbox.attachments")}>
            {attachments.map((one) => (
              <Text key={one.file_name} size="sm" dir="auto">
                {one.file_name} ({one.content_type})
              </Text>
            ))}
          </Alert>
        )}
      </Stack>
    </Paper>
  );
}

function Plain({ text }: { text: string }) {
  return (
    <Code block dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
      {text}
    </Code>
  );
}
