/** Mailboxes that bounces come to. */
import {
  Badge,
  Button,
  NumberInput,
  PasswordInput,
  Select,
  SimpleGrid,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Mailbox } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { FormDialog } from "~/ui/FormDialog";
import { number } from "~/ui/format";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { mailboxesQuery } from "../queries";
import { AskedLink } from "./AskedLink";
import { Section } from "./Section";

export function Mailboxes() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const mailboxes = useQuery(mailboxesQuery);
  const [adding, setAdding] = useState(false);
  const columns = useMemo<Column<Mailbox>[]>(
    () => [
      {
        id: "login",
        header: t("settings.mailboxes.mailbox"),
        width: "2fr",
        cell: (one) => <span dir="auto">{one.name || `${one.username} · ${one.host}`}</span>,
      },
      {
        id: "state",
        header: t("senders.state"),
        width: "2fr",
        cell: (one) =>
          one.problem ? (
            <span title={one.problem}>{one.problem}</span>
          ) : (
            <Badge color="teal">{t("senders.works")}</Badge>
          ),
      },
      {
        id: "reports",
        header: t("settings.mailboxes.reports"),
        width: "110px",
        numeric: true,
        cell: (one) => number(one.reports),
      },
      {
        id: "read",
        header: t("settings.mailboxes.read"),
        cell: (one) => (one.last_read_at ? <Time at={one.last_read_at} relative /> : t("settings.never")),
      },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "110px",
        cell: (one) => may && <Remove mailbox={one} />,
      },
    ],
    [t, may],
  );
  return (
    <Section
      title={t("settings.mailboxes.title")}
      hint={t("settings.mailboxes.hint")}
      action={
        may && (
          <Button variant="default" onClick={() => setAdding(true)}>
            {t("settings.mailboxes.add")}
          </Button>
        )
      }
    >
      <DataTable
        label={t("settings.mailboxes.title")}
        columns={columns}
        rows={mailboxes.data?.items ?? []}
        rowKey={(one) => String(one.mailbox_id)}
        {...listState(mailboxes)}
        height={260}
        empty={<Text size="sm">{t("settings.mailboxes.none")}</Text>}
      />
      {adding && <AddMailbox onClose={() => setAdding(false)} />}
    </Section>
  );
}

function Remove({ mailbox }: { mailbox: Mailbox }) {
  const { t } = useTranslation();
  const remove = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/bounce-mailboxes/{mailbox_id}", {
          params: { path: { mailbox_id: mailbox.mailbox_id } },
        }),
      ),
    { renews: [mailboxesQuery.queryKey], done: t("settings.mailboxes.gone") },
  );
  return (
    <AskedLink
      title={t("settings.mailboxes.remove")}
      text={t("settings.mailboxes.removeAsk")}
      act={t("settings.mailboxes.remove")}
      onYes={() => remove.mutate()}
    >
      {t("common.remove")}
    </AskedLink>
  );
}

function AddMailbox({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      host: "",
      username: "",
      password: "",
      name: "",
      protocol: "imap" as "imap" | "pop3",
      security: "tls" as "tls" | "starttls" | "plain",
      port: "" as number | string,
      folder: "INBOX",
      move_to: "",
      every: 60 as number | string,
    },
    send: ({ port, every, ...rest }) =>
      ask(
        api.POST("/syncom/v1/bounce-mailboxes", {
          body: { ...rest, port: port === "" ? null : Number(port), every: Number(every) },
        }),
      ),
    onDone: () => {
      void client.invalidateQueries({ queryKey: mailboxesQuery.queryKey });
      tellDone(t("settings.mailboxes.added"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t("settings.mailboxes.add")}
      act={t("settings.mailboxes.add")}
      size="lg"
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label={t("senders.host")} required data-autofocus {...form.getInputProps("host")} />
        <Select
          label={t("settings.mailboxes.protocol")}
          allowDeselect={false}
          data={[
            { value: "imap", label: "IMAP" },
            { value: "pop3", label: "POP3" },
          ]}
          {...form.getInputProps("protocol")}
        />
        <Select
          label={t("senders.security")}
          allowDeselect={false}
          data={[
            { value: "tls", label: "TLS" },
            { value: "starttls", label: "STARTTLS" },
            { value: "plain", label: t("senders.securities.plain") },
          ]}
          {...form.getInputProps("security")}
        />
        <NumberInput
          label={t("senders.port")}
          placeholder={t("settings.mailboxes.usualPort")}
          min={1}
          max={65535}
          allowDecimal={false}
          {...form.getInputProps("port")}
        />
        <TextInput
          label={t("senders.username")}
          required
          autoComplete="off"
          {...form.getInputProps("username")}
        />
        <PasswordInput
          label={t("senders.password")}
          required
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
        {form.values.protocol === "imap" && (
          <>
            <TextInput label={t("settings.mailboxes.folder")} {...form.getInputProps("folder")} />
            <TextInput
              label={t("settings.mailboxes.moveTo")}
              description={t("settings.mailboxes.moveToHint")}
              {...form.getInputProps("move_to")}
            />
          </>
        )}
        <NumberInput
          label={t("settings.mailboxes.every")}
          min={10}
          allowDecimal={false}
          {...form.getInputProps("every")}
        />
      </SimpleGrid>
    </FormDialog>
  );
}
