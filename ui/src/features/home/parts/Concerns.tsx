import { Alert, Anchor, List, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Concern } from "~/api/schema";

/** What needs somebody, each with the page that mends it. */
export function Concerns({ concerns }: { concerns: Concern[] }) {
  const { t } = useTranslation();
  if (concerns.length === 0) return null;
  return (
    <Alert color="orange" icon={<IconAlertTriangle aria-hidden />} title={t("home.concerns")}>
      <List spacing={6} size="sm">
        {concerns.map((concern) => (
          <List.Item key={`${concern.kind}-${concern.id}`}>
            <Anchor size="sm" fw={600} renderRoot={(props) => <Link {...props} to={mends(concern) as "/"} />}>
              <span dir="auto" style={{ overflowWrap: "anywhere" }}>
                {kindOf(concern)}
              </span>
            </Anchor>
            <Text size="sm" component="span" dir="auto" style={{ overflowWrap: "anywhere" }}>
              {" "}
              {concern.problem}
            </Text>
          </List.Item>
        ))}
      </List>
    </Alert>
  );

  function kindOf({ kind, name }: Concern): string {
    const words = t(`home.kinds.${kind as "sender"}`, { defaultValue: kind });
    return name === "" || kind === "bulk_action" ? words : `${words}: ${name}`;
  }
}

function mends({ kind, id }: Concern): string {
  switch (kind) {
    case "sender":
      return `/settings/senders/${id}`;
    case "campaign":
      return `/campaigns/${id}`;
    case "import":
      return `/imports/${id}`;
    case "workflow":
      return `/workflows/${id}`;
    case "connection":
      return `/integrations/connections/${id}`;
    default:
      return ELSEWHERE[kind] ?? "/";
  }
}

const ELSEWHERE: Record<string, string> = {
  bounces: "/settings/suppressions",
  complaints: "/settings/suppressions",
  domain: "/settings/domains",
  pull: "/integrations/connections",
  product_feed: "/products",
  bulk_action: "/contacts",
};
