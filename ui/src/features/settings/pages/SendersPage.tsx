import { Anchor, Badge, Button, Group, Menu, Stack, Text, Title } from "@mantine/core";
import { IconChevronDown, IconMailShare } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Sender, SenderGroup } from "~/api/schema";
import { sendersQuery } from "~/api/senders";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { listState } from "~/ui/pages";
import { GroupForm } from "../parts/GroupForm";
import { SenderForm } from "../parts/SenderForm";
import { SenderState } from "../parts/SenderState";
import { SettingsPage } from "../parts/SettingsPage";
import { senderGroupsQuery } from "../queries";
import { CHANNELS, type Preset, presets } from "../senders";

export function SendersPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const may = useMay("manage_settings");
  const senders = useQuery(sendersQuery);
  const [adding, setAdding] = useState<Preset>();
  const columns = useMemo<Column<Sender>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (sender) => (
          <Group gap={6} wrap="nowrap">
            <Anchor
              size="sm"
              dir="auto"
              truncate
              renderRoot={(props) => (
                <Link
                  {...props}
                  to={"/settings/senders/$senderId" as "/"}
                  params={{ senderId: String(sender.sender_id) } as never}
                />
              )}
            >
              {sender.name}
            </Anchor>
            {sender.is_default && <Badge color="gray">{t("senders.default")}</Badge>}
          </Group>
        ),
      },
      {
        id: "channel",
        header: t("senders.channel"),
        cell: (sender) => t(`senders.channels.${CHANNELS[sender.channel] ?? "email"}`),
      },
      { id: "kind", header: t("senders.kind"), cell: (sender) => t(`senders.kinds.${sender.kind}`) },
      {
        id: "from",
        header: t("senders.from"),
        width: "2fr",
        cell: (sender) => <span dir="auto">{fromOf(sender)}</span>,
      },
      {
        id: "state",
        header: t("senders.state"),
        width: "170px",
        cell: (sender) => <SenderState sender={sender} />,
      },
    ],
    [t],
  );
  const own = senders.data?.filter((sender) => sender.kind !== "group") ?? [];
  return (
    <SettingsPage
      title={t("settings.places.senders.title")}
      soft={t("settings.places.senders.soft")}
      actions={may && <Add onChoose={setAdding} />}
    >
      <DataTable
        label={t("settings.places.senders.title")}
        columns={columns}
        rows={own}
        rowKey={(sender) => String(sender.sender_id)}
        {...listState(senders)}
        open={(sender) =>
          void navigate({
            to: "/settings/senders/$senderId" as "/",
            params: { senderId: String(sender.sender_id) } as never,
          })
        }
        empty={
          <Empty icon={<IconMailShare />} title={t("senders.none")}>
            {t("senders.noneHint")}
          </Empty>
        }
        height={460}
      />
      {own.length > 0 && <Groups senders={own} />}
      {adding && (
        <SenderForm
          preset={adding}
          onClose={() => setAdding(undefined)}
          onDone={(sender) =>
            void navigate({
              to: "/settings/senders/$senderId" as "/",
              params: { senderId: String(sender.sender_id) } as never,
            })
          }
        />
      )}
    </SettingsPage>
  );
}

/** Whom its messages are from. */
function fromOf(sender: Sender): string {
  const { twilio, vonage, smpp, gateway } = sender.config;
  const names = twilio?.names ?? vonage?.names ?? smpp?.names ?? gateway?.names;
  if (names) return names.join(", ");
  return [sender.from_name, sender.from_email].filter((text) => text !== "").join(" · ");
}

function Add({ onChoose }: { onChoose: (preset: Preset) => void }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" width={340} withinPortal>
      <Menu.Target>
        <Button rightSection={<IconChevronDown size={16} aria-hidden />}>{t("senders.add")}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {presets.map((preset) => (
          <Menu.Item key={preset.key} onClick={() => onChoose(preset)}>
            <Text size="sm" fw={500}>
              {t(`senders.presets.${preset.key as "smtp"}.name`)}
            </Text>
            <Text size="xs" c="dimmed">
              {t(`senders.presets.${preset.key as "smtp"}.soft`)}
            </Text>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Groups({ senders }: { senders: Sender[] }) {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const groups = useQuery(senderGroupsQuery);
  const [changing, setChanging] = useState<SenderGroup | "new">();
  const columns = useMemo<Column<SenderGroup>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        cell: (group) => (
          <Group gap={6} wrap="nowrap">
            {may ? (
              <Anchor component="button" size="sm" dir="auto" onClick={() => setChanging(group)}>
                {group.name}
              </Anchor>
            ) : (
              <span dir="auto">{group.name}</span>
            )}
            {group.is_default && <Badge color="gray">{t("senders.default")}</Badge>}
          </Group>
        ),
      },
      {
        id: "members",
        header: t("senders.members"),
        width: "2fr",
        cell: (group) => <span dir="auto">{group.members.map((one) => one.name).join(", ")}</span>,
      },
      {
        id: "able",
        header: t("senders.state"),
        cell: (group) => {
          const able = group.members.filter((one) => one.is_able).length;
          return (
            <Badge color={able === group.members.length ? "teal" : able > 0 ? "yellow" : "red"}>
              {t("senders.able", { able, of: group.members.length })}
            </Badge>
          );
        },
      },
    ],
    [t, may],
  );
  if (groups.isError && !groups.data)
    return <Failed error={groups.error} retry={() => void groups.refetch()} />;
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <div>
          <Title order={2}>{t("senders.groups")}</Title>
          <Text size="sm" c="dimmed">
            {t("senders.groupsHint")}
          </Text>
        </div>
        {may && (
          <Button variant="default" onClick={() => setChanging("new")}>
            {t("senders.addGroup")}
          </Button>
        )}
      </Group>
      {groups.data && groups.data.items.length > 0 && (
        <DataTable
          label={t("senders.groups")}
          columns={columns}
          rows={groups.data.items}
          rowKey={(group) => String(group.sender_id)}
          height={320}
        />
      )}
      {changing && (
        <GroupForm
          group={changing === "new" ? undefined : changing}
          senders={senders}
          onClose={() => setChanging(undefined)}
        />
      )}
    </Stack>
  );
}
