import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconDownload, IconFileCertificate, IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, askPlain } from "~/api/client";
import type { ContactsPerson as Person, SignedCertificate, SignedRoot } from "~/api/schema";
import { type Column, DataTable } from "~/ui/DataTable";
import { Failed } from "~/ui/Failed";
import { date, number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { save } from "../files";
import { SettingsPage } from "../parts/SettingsPage";

export function PrivacyPage() {
  const { t } = useTranslation();
  return (
    <SettingsPage title={t("settings.places.privacy.title")} soft={t("settings.places.privacy.soft")}>
      <PersonExport />
      <Erasures />
      <Roots />
    </SettingsPage>
  );
}

function PersonExport() {
  const { t } = useTranslation();
  const [found, setFound] = useState<Person[]>();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { search: "" },
    send: ({ search }) =>
      ask(
        api.POST("/syncom/v1/contacts/table", {
          params: { query: { limit: 10 } },
          body: { search: search.trim(), fields: [] },
        }),
      ),
    onDone: (answer) => setFound(answer.items),
  });
  return (
    <Paper withBorder p="md">
      <Title order={2}>{t("settings.privacy.person")}</Title>
      <Text size="sm" c="dimmed" mb="sm">
        {t("settings.privacy.personHint")}
      </Text>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Group align="flex-end" gap="sm">
            <TextInput
              label={t("settings.privacy.find")}
              w={340}
              maw="100%"
              {...form.getInputProps("search")}
            />
            <Button
              type="submit"
              variant="default"
              loading={sending}
              disabled={form.values.search.trim() === ""}
              leftSection={<IconSearch size={16} aria-hidden />}
            >
              {t("common.search")}
            </Button>
          </Group>
          {failure !== undefined && <Failed error={failure} />}
          {found?.length === 0 && <Text size="sm">{t("settings.privacy.nobody")}</Text>}
          {found?.map((one) => (
            <Found key={one.contact_id} person={one} />
          ))}
        </Stack>
      </form>
    </Paper>
  );
}

function Found({ person: contact }: { person: Person }) {
  const { t } = useTranslation();
  const name = [contact.first_name, contact.last_name].filter(Boolean).join(" ");
  const get = useAct(
    async () => {
      const answer = await askPlain(`/syncom/v1/contacts/${contact.contact_id}/export`);
      save(await answer.blob(), `contact-${contact.contact_id}.zip`);
    },
    { renews: [] },
  );
  return (
    <Group gap="sm">
      <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
        {[name, contact.email, contact.phone].filter(Boolean).join(" · ") || contact.contact_id}
      </Text>
      <Button
        size="compact-sm"
        variant="light"
        loading={get.isPending}
        leftSection={<IconDownload size={14} aria-hidden />}
        onClick={() => get.mutate()}
      >
        {t("settings.privacy.download")}
      </Button>
    </Group>
  );
}

function Erasures() {
  const { t } = useTranslation();
  const pages = usePages(["erasure"], (cursor, signal) =>
    ask(api.GET("/syncom/v1/erasures", { params: { query: { cursor, limit: 100 } }, signal })),
  );
  const columns = useMemo<Column<SignedCertificate>[]>(
    () => [
      {
        id: "contact",
        header: t("settings.privacy.contact"),
        cell: (one) => String(one.contact_id),
      },
      { id: "at", header: t("settings.privacy.erasedAt"), cell: (one) => <Time at={one.erased_at} /> },
      {
        id: "file",
        header: t("settings.privacy.certificate"),
        cell: (one) => (
          <Keep name={`erasure-${one.erasure_id}.json`} value={one} label={t("settings.privacy.save")} />
        ),
      },
    ],
    [t],
  );
  return (
    <Stack gap="xs">
      <div>
        <Title order={2}>{t("settings.privacy.erasures")}</Title>
        <Text size="sm" c="dimmed">
          {t("settings.privacy.erasuresHint")}
        </Text>
      </div>
      <DataTable
        label={t("settings.privacy.erasures")}
        columns={columns}
        rowKey={(one) => String(one.erasure_id)}
        {...pages}
        height={320}
        empty={<Text size="sm">{t("settings.privacy.noErasures")}</Text>}
      />
    </Stack>
  );
}

function Roots() {
  const { t } = useTranslation();
  const pages = usePages(["consent-root"], (cursor, signal) =>
    ask(api.GET("/syncom/v1/consents/roots", { params: { query: { cursor, limit: 100 } }, signal })),
  );
  const columns = useMemo<Column<SignedRoot>[]>(
    () => [
      { id: "day", header: t("settings.privacy.day"), cell: (one) => date(`${one.day}T12:00`) },
      { id: "entries", header: t("settings.privacy.entries"), numeric: true, cell: (one) => entries(one) },
      {
        id: "root",
        header: t("settings.privacy.root"),
        width: "2fr",
        cell: (one) => <code>{String(statement(one).root ?? "")}</code>,
      },
      {
        id: "file",
        header: t("settings.acts"),
        cell: (one) => (
          <Keep name={`consent-root-${one.day}.json`} value={one} label={t("settings.privacy.save")} />
        ),
      },
    ],
    [t],
  );
  return (
    <Stack gap="xs">
      <div>
        <Title order={2}>{t("settings.privacy.roots")}</Title>
        <Text size="sm" c="dimmed">
          {t("settings.privacy.rootsHint")}
        </Text>
      </div>
      <DataTable
        label={t("settings.privacy.roots")}
        columns={columns}
        rowKey={(one) => one.day}
        {...pages}
        height={320}
        empty={<Text size="sm">{t("settings.privacy.noRoots")}</Text>}
      />
    </Stack>
  );
}

/** What is signed, byte for byte; here only to show some of it. */
function statement(root: SignedRoot): Record<string, unknown> {
  try {
    return JSON.parse(root.statement) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function entries(root: SignedRoot): string {
  const found = statement(root).entries;
  return typeof found === "number" ? number(found) : "–";
}

function Keep({ name, value, label }: { name: string; value: object; label: string }) {
  return (
    <Button
      size="compact-sm"
      variant="light"
      leftSection={<IconFileCertificate size={14} aria-hidden />}
      onClick={() => save(new Blob([JSON.stringify(value, null, 2)], { type: "application/json" }), name)}
    >
      {label}
    </Button>
  );
}
