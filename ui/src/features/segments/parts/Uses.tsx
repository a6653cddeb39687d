import { Anchor, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { campaignsQuery } from "~/api/campaigns";
import { segmentsQuery } from "~/api/segments";
import { useMay } from "~/api/session";
import { workflowsQuery } from "~/api/workflows";
import { mentions } from "../mentions";

/** Segments, campaigns and workflows that name this segment. */
export function Uses({ segmentId }: { segmentId: number }) {
  const { t } = useTranslation();
  const mayRead = useMay("read_campaigns");
  const segments = useQuery(segmentsQuery);
  const campaigns = useQuery({ ...campaignsQuery, enabled: mayRead });
  const workflows = useQuery({ ...workflowsQuery, enabled: mayRead });
  const isLoading = segments.isLoading || campaigns.isLoading || workflows.isLoading;
  const found = [
    ...(segments.data ?? [])
      .filter((one) => one.segment_id !== segmentId && mentions(one.condition, segmentId))
      .map((one) => ({ kind: "segment", id: one.segment_id, name: one.name })),
    ...(campaigns.data ?? [])
      .filter(
        ({ audience }) =>
          audience.segments?.includes(segmentId) ||
          audience.exclude_segments?.includes(segmentId) ||
          mentions(audience.condition, segmentId),
      )
      .map((one) => ({ kind: "campaign", id: one.campaign_id, name: one.name })),
    ...(workflows.data ?? [])
      .filter((one) => mentions(one.definition, segmentId))
      .map((one) => ({ kind: "workflow", id: one.workflow_id, name: one.name })),
  ] as { kind: "segment" | "campaign" | "workflow"; id: number; name: string }[];
  return (
    <div>
      <Text size="xs" fw={600} c="dimmed">
        {t("segments.usedIn")}
      </Text>
      {found.length === 0 ? (
        <Text size="sm" c="dimmed">
          {isLoading ? "…" : t("segments.notUsed")}
        </Text>
      ) : (
        <Group gap="md">
          {found.map((one) => (
            <Text key={`${one.kind} ${one.id}`} size="sm" component="span">
              {t(`segments.kinds.${one.kind}`)}{" "}
              <Anchor
                dir="auto"
                style={{ overflowWrap: "anywhere" }}
                renderRoot={(props) => (
                  <Link {...props} to={`/${one.kind}s/$id` as "/"} params={{ id: String(one.id) } as never} />
                )}
              >
                {one.name}
              </Anchor>
            </Text>
          ))}
        </Group>
      )}
    </div>
  );
}
