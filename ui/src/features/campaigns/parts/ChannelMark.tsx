import { Group, Text, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { CHANNELS, type ChannelName } from "../channels";

/** Channels in their order, as signs with their names for assistive technology. */
export function ChannelMarks({ names }: { names: readonly ChannelName[] }) {
  const { t } = useTranslation();
  return (
    <Group gap={6} wrap="nowrap">
      {names.map((name) => {
        const found = CHANNELS.find((one) => one.name === name);
        if (!found) return null;
        return (
          <Tooltip key={name} label={t(`campaigns.channels.${name}`)}>
            <found.icon size={17} role="img" aria-label={t(`campaigns.channels.${name}`)} />
          </Tooltip>
        );
      })}
      {names.length === 1 && names[0] && <Text size="sm">{t(`campaigns.channels.${names[0]}`)}</Text>}
    </Group>
  );
}
