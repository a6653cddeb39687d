import { Anchor, Button, Group, Select, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBan, IconDownload, IconPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Suppressed } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { FormDialog } from "~/ui/FormDialog";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";
import { REASONS, type SuppressionSearch } from "../search";

const KEY = ["suppression"];
const CHANNELS = ["email", "sms", "webpush"] as const;

export function SuppressionsPage() {
  const { t } = useTranslation();
  const mayWrite = useMay("write_contacts");
  const mayExport = useMay("export_contacts");
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as SuppressionSearch;
  const channel = search.channel ?? "email";
  const reason = search.reason ?? "";
  const [typed, setTyped] = useState(search.prefix ?? "");
  const [prefix] = useDebouncedValue(typed.trim().toLowerCase(), 250);
  const [adding, setAdding] = useState(false);
  const query = { channel, reason, prefix };
  const pages = usePages([...KEY, query], (cursor, signal) =>
    ask(api.GET("/syncom/v1/suppressions", { params: { query: { ...query, cursor, limit: 100 } }, signal })),
  );
  const look = (change: SuppressionSearch) =>
    void navigate({ to: ".", search: { ...search, ...change } as never, replace: true });
  const columns = useMemo<Column<Suppressed>[]>(
    () => [
      { id: "address", header: t("settings.suppressions.address"), width: "2fr", cell: (one) => one.address },
      {
        id: "reason",
        header: t("settings.suppressions.why"),
        cell: (one) =>
          (REASONS as readonly string[]).includes(one.reason)
            ? t(`settings.suppressions.reasons.${one.reason as "manual"}`)
            : one.reason,
      },
      {
        id: "detail",
        header: t("settings.suppressions.detail"),
        width: "2fr",
        cell: (one) => <span title={one.detail}>{one.detail || "–"}</span>,
      },
      { id: "source", header: t("settings.suppressions.by"), cell: (one) => one.source || "–" },
      {
        id: "since",
        header: t("settings.since"),
        width: "120px",
        cell: (one) => <Time at={one.created_at} relative />,
      },
      {
        id: "until",
        header: t("settings.suppressions.until"),
        width: "120px",
        cell: (one) =>
          one.expires_at ? <Time at={one.expires_at} relative /> : t("settings.suppressions.forEver"),
      },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "90px",
        cell: (one) => mayWrite && <Remove entry={one} />,
      },
    ],
    [t, mayWrite],
  );
  return (
    <SettingsPage
      title={t("settings.places.suppressions.title")}
      soft={t("settings.suppressions.soft")}
      actions={
        <>
          {mayExport && (
            <Button
              component="a"
              variant="default"
              leftSection={<IconDownload size={18} aria-hidden />}
              href={`/syncom/v1/exports/suppressions.csv?${new URLSearchParams(query)}`}
              download
            >
              {t("common.export")}
            </Button>
          )}
          {mayWrite && (
            <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
              {t("settings.suppressions.add")}
            </Button>
          )}
        </>
      }
    >
      <Group align="flex-end" gap="sm">
        <Select
          label={t("senders.channel")}
          w={150}
          allowDeselect={false}
          value={channel}
          data={CHANNELS.map((value) => ({ value, label: t(`senders.channels.${value}`) }))}
          onChange={(value) => look({ channel: (value ?? "email") as "email" })}
        />
        <Select
          label={t("settings.suppressions.why")}
          w={210}
          clearable
          clearButtonProps={{ "aria-label": t("settings.clear") }}
          placeholder={t("settings.all")}
          value={reason || null}
          data={REASONS.map((value) => ({ value, label: t(`settings.suppressions.reasons.${value}`) }))}
          onChange={(value) => look({ reason: (value ?? undefined) as "manual" | undefined })}
        />
        <TextInput
          label={t("settings.suppressions.begins")}
          w={260}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            look({ prefix: event.currentTarget.value || undefined });
          }}
        />
      </Group>
      <DataTable
        label={t("settings.places.suppressions.title")}
        columns={columns}
        rowKey={(one) => one.address}
        {...pages}
        remember="suppressions"
        empty={
          <Empty icon={<IconBan />} title={t("settings.suppressions.none")}>
            {t("settings.suppressions.noneHint")}
          </Empty>
        }
      />
      {adding && <Add onClose={() => setAdding(false)} />}
    </SettingsPage>
  );
}

function Remove({ entry }: { entry: Suppressed }) {
  const { t } = useTranslation();
  const { address, channel } = entry;
  const remove = useAct(
    () => ask(api.POST("/syncom/v1/suppressions/remove", { body: { address, channel } })),
    { renews: [KEY], done: t("settings.suppressions.removed", { address }) },
  );
  return (
    <Anchor
      component="button"
      size="sm"
      aria-label={t("settings.suppressions.removeOne", { address })}
      onClick={() =>
        confirm({
          title: t("settings.suppressions.removeOne", { address }),
          text: t(
            entry.reason === "complaint"
              ? "settings.suppressions.removeComplaintAsk"
              : "settings.suppressions.removeAsk",
          ),
          act: t("settings.suppressions.allow"),
          onYes: () => remove.mutate(),
        })
      }
    >
      {t("common.remove")}
    </Anchor>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { addresses: "", channel: "email", detail: "", expires_at: "" },
    fieldOf: (field) => field.replace(/^addresses\..*/, "addresses"),
    send: (values) =>
      ask(
        api.POST("/syncom/v1/suppressions", {
          body: {
            addresses: values.addresses.split(/[\s,;]+/).filter((one) => one !== ""),
            channel: values.channel,
            detail: values.detail,
            expires_at: values.expires_at ? new Date(values.expires_at).toISOString() : null,
          },
        }),
      ),
    onDone: () => {
      void client.invalidateQueries({ queryKey: KEY });
      tellDone(t("settings.suppressions.added"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t("settings.suppressions.add")}
      act={t("settings.suppressions.suppress")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Select
        label={t("senders.channel")}
        allowDeselect={false}
        data={(["email", "sms"] as const).map((value) => ({ value, label: t(`senders.channels.${value}`) }))}
        {...form.getInputProps("channel")}
      />
      <Textarea
        label={t("settings.suppressions.addresses")}
        description={t("settings.suppressions.addressesHint")}
        autosize
        minRows={3}
        maxRows={12}
        required
        data-autofocus
        {...form.getInputProps("addresses")}
      />
      <TextInput label={t("settings.suppressions.note")} dir="auto" {...form.getInputProps("detail")} />
      <TextInput
        type="date"
        label={t("settings.suppressions.until")}
        description={t("settings.suppressions.untilHint")}
        w={260}
        maw="100%"
        {...form.getInputProps("expires_at")}
      />
    </FormDialog>
  );
}
