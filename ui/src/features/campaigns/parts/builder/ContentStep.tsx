import {
  ActionIcon,
  Anchor,
  Button,
  Code,
  Group,
  Paper,
  Select,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EMAIL } from "~/api/channels";
import { foundQuery } from "~/api/contacts";
import { sendersQuery } from "~/api/senders";
import { templatesQuery } from "~/api/templates";
import { Failed } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import { CHANNELS, channelName, reach } from "../../channels";
import { type Draft, type DraftWay, moved } from "../../draft";
import { previewQuery } from "../../queries";

export function ContentStep({ draft, onChange }: { draft: Draft; onChange: (part: Partial<Draft>) => void }) {
  const { t } = useTranslation();
  const templates = useQuery(templatesQuery);
  const channelOf = (way: DraftWay) =>
    templates.data?.find((one) => one.template_id === way.template_id)?.channel;
  const put = (place: number, way: DraftWay) =>
    onChange({ ways: draft.ways.map((old, index) => (index === place ? way : old)) });
  const first = draft.ways[0];
  return (
    <Stack gap="sm">
      {templates.error && <Failed error={templates.error} />}
      {templates.data?.length === 0 && (
        <Text size="sm">
          {t("campaigns.noTemplates")}{" "}
          <Anchor renderRoot={(props) => <Link {...props} to={"/templates" as "/"} />}>
            {t("nav.templates")}
          </Anchor>
        </Text>
      )}
      {draft.ways.map((way, place) => (
        <Way
          key={place}
          way={way}
          place={place}
          count={draft.ways.length}
          taken={draft.ways.flatMap((one, index) => {
            const channel = channelOf(one);
            return index === place || !channel ? [] : [reach(channel)];
          })}
          onChange={(next) => put(place, next)}
          onMove={(by) => onChange({ ways: moved(draft.ways, place, by) })}
          onRemove={() => onChange({ ways: draft.ways.filter((_, index) => index !== place) })}
        />
      ))}
      <Group>
        <Button
          variant="subtle"
          size="xs"
          leftSection={<IconPlus size={16} aria-hidden />}
          disabled={draft.ways.length >= 3 || draft.ways.some((way) => way.template_id === null)}
          onClick={() => onChange({ ways: [...draft.ways, { template_id: null, sender_id: null }] })}
        >
          {t("campaigns.addChannel")}
        </Button>
        <Text size="xs" c="dimmed">
          {t("campaigns.addChannelHint")}
        </Text>
      </Group>
      {first && channelOf(first) === EMAIL && (
        <TextInput
          label={t("campaigns.fromName")}
          description={t("campaigns.fromNameHint")}
          value={draft.from_name}
          dir="auto"
          onChange={(event) => onChange({ from_name: event.currentTarget.value })}
        />
      )}
      <Switch
        label={t("campaigns.trackLinks")}
        description={t("campaigns.trackLinksHint")}
        checked={draft.track_links}
        onChange={(event) => onChange({ track_links: event.currentTarget.checked })}
      />
      {first?.template_id != null && <PreviewOf template={first.template_id} />}
    </Stack>
  );
}

function Way({
  way,
  place,
  count,
  taken,
  onChange,
  onMove,
  onRemove,
}: {
  way: DraftWay;
  place: number;
  count: number;
  /** Channels of the other messages: two over one channel would reach the same people. */
  taken: readonly number[];
  onChange: (way: DraftWay) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}) {
  const { t } = useTranslation();
  const templates = useQuery(templatesQuery);
  const senders = useQuery(sendersQuery);
  const channel = templates.data?.find((one) => one.template_id === way.template_id)?.channel;
  const groups = CHANNELS.filter((one) => !taken.includes(reach(one.channel))).map((one) => ({
    group: t(`campaigns.channels.${one.name}`),
    items: (templates.data ?? [])
      .filter((template) => template.channel === one.channel)
      .map((template) => ({ value: String(template.template_id), label: template.name })),
  }));
  const able = (senders.data ?? []).filter(
    (sender) => channel !== undefined && sender.channel === reach(channel),
  );
  return (
    <Paper withBorder p="sm" radius="md">
      <Group align="flex-end" gap="sm">
        <Select
          label={place === 0 ? t("campaigns.template") : t("campaigns.templateElse")}
          placeholder={t("campaigns.templateChoose")}
          data={groups}
          value={way.template_id === null ? null : String(way.template_id)}
          onChange={(id) => onChange({ template_id: id === null ? null : Number(id), sender_id: null })}
          searchable
          nothingFoundMessage={t("palette.nothing")}
          style={{ flex: "2 1 220px" }}
        />
        <Select
          label={t("campaigns.sender")}
          data={[
            { value: "", label: t("campaigns.senderUsual") },
            ...able.map((sender) => ({
              value: String(sender.sender_id),
              label: sender.from_email ? `${sender.name} · ${sender.from_email}` : sender.name,
            })),
          ]}
          value={way.sender_id === null ? "" : String(way.sender_id)}
          onChange={(id) => onChange({ ...way, sender_id: id ? Number(id) : null })}
          allowDeselect={false}
          disabled={channel === undefined}
          style={{ flex: "2 1 220px" }}
        />
        {count > 1 && (
          <Group gap={2}>
            <ActionIcon
              variant="subtle"
              disabled={place === 0}
              onClick={() => onMove(-1)}
              aria-label={t("campaigns.earlier")}
            >
              <IconArrowUp size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              disabled={place === count - 1}
              onClick={() => onMove(1)}
              aria-label={t("campaigns.later")}
            >
              <IconArrowDown size={16} aria-hidden />
            </ActionIcon>
            <ActionIcon variant="subtle" color="red" onClick={onRemove} aria-label={t("common.remove")}>
              <IconX size={16} aria-hidden />
            </ActionIcon>
          </Group>
        )}
      </Group>
      {channel !== undefined && count > 1 && (
        <Text size="xs" c="dimmed" mt={4}>
          {t(place === 0 ? "campaigns.firstBy" : "campaigns.elseBy", {
            channel: t(`campaigns.channels.${channelName(channel)}`),
          })}
        </Text>
      )}
    </Paper>
  );
}

/** The message as a chosen contact would get it. */
function PreviewOf({ template }: { template: number }) {
  const { t } = useTranslation();
  const [contact, setContact] = useState<string | null>(null);
  const [typed, setTyped] = useState("");
  const [words] = useDebouncedValue(typed.trim(), 250);
  const people = useQuery(foundQuery(words));
  const shown = contact === null ? people.data?.[0]?.contact_id : Number(contact);
  const preview = useQuery({ ...previewQuery(template, shown ?? null), enabled: !people.isPending });
  return (
    <Stack gap="xs">
      <Select
        label={t("campaigns.previewAs")}
        placeholder={people.data?.[0]?.email ?? t("campaigns.previewSample")}
        data={(people.data ?? []).map((one) => ({
          value: String(one.contact_id),
          label: one.email ?? one.phone ?? String(one.contact_id),
        }))}
        filter={({ options }) => options}
        value={contact}
        onChange={setContact}
        searchValue={typed}
        onSearchChange={setTyped}
        searchable
        clearable
        maw={360}
      />
      {preview.isError && <Failed error={preview.error} />}
      {preview.data && (
        <>
          <Text size="sm" fw={600} dir="auto" style={{ overflowWrap: "anywhere" }}>
            {preview.data.subject}
          </Text>
          {preview.data.url ? (
            <MailFrame src={preview.data.url} title={t("campaigns.preview")} height={420} />
          ) : (
            <Code block dir="auto">
              {preview.data.text}
            </Code>
          )}
        </>
      )}
    </Stack>
  );
}
