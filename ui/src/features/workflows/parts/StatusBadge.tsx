import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { WorkflowStatus } from "~/api/schema";

const COLORS: Record<WorkflowStatus, string> = {
  draft: "gray",
  active: "teal",
  paused: "grape",
  draining: "blue",
  stopped: "gray",
};

export function StatusBadge({ status }: { status: WorkflowStatus }) {
  const { t } = useTranslation();
  return (
    <Badge color={COLORS[status]} variant={status === "active" ? "filled" : "light"} tt="none">
      {t(`workflows.statuses.${status}`)}
    </Badge>
  );
}
