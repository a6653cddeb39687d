import {
  ActionIcon,
  Button,
  FileButton,
  Group,
  MultiSelect,
  Paper,
  Select,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { IconPaperclip, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { EMAIL } from "~/api/channels";
import { api, ask, askPlain } from "~/api/client";
import type { Template } from "~/api/schema";
import { sendersQuery } from "~/api/senders";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { number } from "~/ui/format";
import { tellFailed } from "~/ui/tell";
import { isOfBlocks, templateQuery } from "../queries";
import type { DraftWriting } from "../writing";

const LARGEST = 10_000_000;

/** What a template is beside its texts. */
export function Settings({ template, writing }: { template: Template; writing: DraftWriting }) {
  const { t } = useTranslation();
  const may = useMay("read_settings");
  const { content, change } = writing;
  const senders = useQuery({ ...sendersQuery, enabled: may });
  const categories = useQuery(categoriesQuery);
  const isMail = content.channel === EMAIL;
  return (
    <Stack maw={640} gap="md">
      <Paper withBorder p="md">
        <Stack gap="sm">
          <TextInput
            label={t("common.name")}
            value={content.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
            maxLength={200}
            required
            dir="auto"
          />
          <TagsInput
            label={t("templates.tags")}
            description={t("editor.tagsHint")}
            value={content.tags}
            onChange={(tags) => change({ tags })}
            maxTags={50}
            acceptValueOnBlur
          />
          <TextInput
            label={t("editor.members.language")}
            description={t("editor.languageHint")}
            value={content.language}
            onChange={(event) => change({ language: event.currentTarget.value })}
            maxLength={35}
            w={220}
          />
          {may && (
            <Select
              label={t("editor.sender")}
              description={t("editor.senderHint")}
              value={content.sender_id === null ? "" : String(content.sender_id)}
              onChange={(value) => change({ sender_id: value ? Number(value) : null })}
              allowDeselect={false}
              data={[
                { value: "", label: t("editor.defaultSender") },
                ...(senders.data ?? [])
                  .filter((one) => one.channel === content.channel)
                  .map((one) => ({
                    value: String(one.sender_id),
                    label: one.from_email ? `${one.name} <${one.from_email}>` : one.name,
                  })),
              ]}
            />
          )}
          {isMail && (
            <TextInput
              label={t("editor.members.from_name")}
              description={t("editor.fromNameHint")}
              value={content.from_name}
              onChange={(event) => change({ from_name: event.currentTarget.value })}
              maxLength={200}
              dir="auto"
            />
          )}
          <MultiSelect
            label={t("editor.members.categories")}
            description={t("editor.categoriesHint")}
            value={content.categories}
            onChange={(chosen) => change({ categories: chosen })}
            data={[
              ...new Map([
                ...content.categories.map((key) => [key, { value: key, label: key }] as const),
                ...(categories.data ?? []).map(
                  (one) => [one.key, { value: one.key, label: one.name }] as const,
                ),
              ]).values(),
            ]}
          />
          <Select
            label={t("editor.members.dialect")}
            description={t("editor.dialectHint")}
            value={content.dialect}
            onChange={(value) => value && change({ dialect: value as typeof content.dialect })}
            allowDeselect={false}
            data={(["syncom", "velocity", "plain"] as const).map((value) => ({
              value,
              label: t(`editor.dialects.${value}`, { tag: "{{ first_name }}" }),
            }))}
          />
        </Stack>
      </Paper>
      {isMail && <Kind writing={writing} />}
      {isMail && <Attachments template={template} writing={writing} />}
    </Stack>
  );
}

/** Blocks or code; either way changes what the mail is. */
function Kind({ writing }: { writing: DraftWriting }) {
  const { t } = useTranslation();
  const { content, change } = writing;
  if (content.format !== "mjml") return null;
  const blocks = isOfBlocks(content);
  return (
    <Paper withBorder p="md">
      <Text fw={600}>{t(blocks ? "editor.ofBlocks" : "editor.ofCode")}</Text>
      <Text size="sm" c="dimmed" mb="sm">
        {t(blocks ? "editor.ofBlocksHint" : "editor.ofCodeHint")}
      </Text>
      <Button
        size="xs"
        variant="default"
        onClick={() =>
          confirm({
            title: t(blocks ? "editor.toCode" : "editor.toBlocks"),
            text: t(blocks ? "editor.toCodeText" : "editor.toBlocksText"),
            act: t(blocks ? "editor.toCode" : "editor.toBlocks"),
            danger: !blocks,
            onYes: () => change({ members: { ...content.members, editor: blocks ? "code" : "blocks" } }),
          })
        }
      >
        {t(blocks ? "editor.toCode" : "editor.toBlocks")}
      </Button>
    </Paper>
  );
}

function Attachments({ template, writing }: { template: Template; writing: DraftWriting }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const id = template.template_id;
  const done = async () => {
    const now = await client.fetchQuery({ ...templateQuery(id), staleTime: 0 });
    await writing.follow(now.version);
  };
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await work();
      await done();
    } catch (error) {
      tellFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const attach = (file: File | null) =>
    file &&
    void act(() =>
      askPlain(`/syncom/v1/templates/${id}/attachments?name=${encodeURIComponent(file.name)}`, {
        method: "POST",
        headers: { "Content-Type": file.type || "application/octet-stream" },
        body: file,
      }),
    );
  const total = template.attachments.reduce((sum, one) => sum + one.size, 0);
  return (
    <Paper withBorder p="md">
      <Text fw={600}>{t("editor.attachments")}</Text>
      <Text size="sm" c="dimmed" mb="sm">
        {t("editor.attachmentsHint")}
      </Text>
      <Stack gap={6} component="ul" m={0} p={0}>
        {template.attachments.map((one) => (
          <Group key={one.attachment_id} component="li" justify="space-between" wrap="nowrap">
            <Group gap={8} wrap="nowrap" style={{ minWidth: 0 }}>
              <IconPaperclip size={16} aria-hidden style={{ flexShrink: 0 }} />
              <Text size="sm" truncate dir="auto">
                {one.file_name}
              </Text>
              <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                {size(one.size)}
              </Text>
            </Group>
            <ActionIcon
              variant="subtle"
              color="red"
              disabled={busy}
              aria-label={t("editor.detach", { name: one.file_name })}
              onClick={() =>
                void act(() =>
                  ask(
                    api.DELETE("/syncom/v1/templates/{template_id}/attachments/{attachment_id}", {
                      params: { path: { template_id: id, attachment_id: one.attachment_id } },
                    }),
                  ),
                )
              }
            >
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
      <Group mt="sm">
        <FileButton onChange={attach}>
          {(props) => (
            <Button {...props} size="xs" variant="default" loading={busy} disabled={total >= LARGEST}>
              {t("editor.attach")}
            </Button>
          )}
        </FileButton>
      </Group>
    </Paper>
  );
}

/** 123456 as `123 kB`. */
export function size(bytes: number): string {
  return bytes < 1_000_000
    ? number(Math.max(1, Math.round(bytes / 1000)), { style: "unit", unit: "kilobyte" })
    : number(bytes / 1_000_000, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
}
