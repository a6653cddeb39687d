import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { CampaignState } from "~/api/schema";

const COLORS: Record<CampaignState, string> = {
  draft: "gray",
  scheduled: "blue",
  expanding: "syncom",
  sending: "syncom",
  paused: "orange",
  finished: "teal",
  cancelled: "gray",
  failed: "red",
};

export function StateBadge({ state }: { state: CampaignState }) {
  const { t } = useTranslation();
  return (
    <Badge color={COLORS[state]} tt="none">
      {t(`campaigns.states.${state}`)}
    </Badge>
  );
}
