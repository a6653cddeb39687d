import { Anchor, Group, Text } from "@mantine/core";
import { IconMail, IconMessage, IconRoute } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Source } from "../searches";

const ICONS = { campaign: IconMail, workflow: IconRoute, single: IconMessage } as const;

/** What sent the messages, as a link where it is still there. */
export function SourceName({ source, id, name }: { source: Source; id: number; name: string }) {
  const { t } = useTranslation();
  const Icon = ICONS[source];
  const label = name || t(source === "single" ? "revenue.singles" : `revenue.gone.${source}`, { id });
  return (
    <Group gap={6} wrap="nowrap" style={{ minWidth: 0 }}>
      <Icon size={16} aria-hidden style={{ flexShrink: 0 }} />
      {name === "" ? (
        <Text size="sm" component="span" truncate>
          {label}
        </Text>
      ) : (
        <Anchor
          size="sm"
          dir="auto"
          truncate
          renderRoot={(props) => (
            <Link {...props} to={`/${source === "campaign" ? "campaigns" : "workflows"}/${id}` as "/"} />
          )}
        >
          {label}
        </Anchor>
      )}
    </Group>
  );
}
