import { ActionIcon, Anchor, Group, Paper, Text } from "@mantine/core";
import { IconCalendarShare } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Campaign } from "~/api/schema";
import { momentOf } from "../../calendar";
import { StateBadge } from "../StateBadge";

/** A campaign on its day. One that may be moved can be dragged, or moved by its button. */
export function Entry({ campaign, onMove }: { campaign: Campaign; onMove?: () => void }) {
  const { t } = useTranslation();
  const time = momentOf(campaign)?.slice(11) ?? "";
  return (
    <Paper
      withBorder
      radius="sm"
      p={6}
      draggable={onMove !== undefined}
      onDragStart={(event) => {
        event.dataTransfer.setData("text/plain", String(campaign.campaign_id));
        event.dataTransfer.effectAllowed = "move";
      }}
    >
      <Group gap={4} wrap="nowrap" justify="space-between">
        <Text size="xs" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
          {campaign.local_at && !campaign.launched_at ? t("calendar.local", { time }) : time}
        </Text>
        {onMove && (
          <ActionIcon
            variant="subtle"
            size={24}
            onClick={onMove}
            aria-label={t("calendar.moveOne", { name: campaign.name })}
          >
            <IconCalendarShare size={15} aria-hidden />
          </ActionIcon>
        )}
      </Group>
      <Anchor
        size="sm"
        dir="auto"
        lineClamp={2}
        draggable={false}
        style={{ overflowWrap: "anywhere" }}
        renderRoot={(props) => (
          <Link {...props} to="/campaigns/$id" params={{ id: String(campaign.campaign_id) }} />
        )}
      >
        {campaign.name}
      </Anchor>
      <StateBadge state={campaign.state} />
    </Paper>
  );
}
