/** The way of one contact, told beside the canvas on which it is lit. */
import { Button, Drawer, Group, Paper, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Journey, WorkflowSeen } from "~/api/schema";
import { Time } from "~/ui/Time";
import type { WorkflowLook } from "../routes";
import { ContactName } from "./ContactName";
import { JourneyPath, StateBadge } from "./PeopleTab";

/** The newest journey of a contact; null: it was never in. */
export function useFollowed(workflow_id: number, contact: number | undefined): Journey | null | undefined {
  const { data } = useQuery({
    queryKey: ["workflow", workflow_id, "followed", contact],
    enabled: contact !== undefined,
    refetchInterval: 5000,
    queryFn: async () => {
      const page = await ask(
        api.GET("/syncom/v1/workflows/{workflow_id}/journeys", {
          params: { path: { workflow_id }, query: { contact_id: contact, limit: 1 } },
        }),
      );
      return page.items[0] ?? null;
    },
  });
  return contact === undefined ? undefined : data;
}

export function Followed({
  workflow,
  contact,
  journey,
  go,
}: {
  workflow: WorkflowSeen;
  contact: number;
  journey: Journey | null | undefined;
  go: (look: Partial<WorkflowLook>) => void;
}) {
  const { t } = useTranslation();
  const [told, setTold] = useState(false);
  return (
    <Paper withBorder px="md" py="xs">
      <Group justify="space-between">
        <Group gap="sm">
          <Text size="sm" fw={600} component="div">
            <ContactName id={contact} />
          </Text>
          {journey && <StateBadge state={journey.state} />}
          {journey && (
            <Text size="sm" c="dimmed" component="div">
              {t("workflows.cameIn")} <Time at={journey.entered_at} relative />
            </Text>
          )}
          {journey === null && <Text size="sm">{t("workflows.neverIn")}</Text>}
        </Group>
        <Group gap="xs">
          {journey && (
            <Button size="xs" variant="light" onClick={() => setTold(true)}>
              {t("workflows.tellWay")}
            </Button>
          )}
          <Button size="xs" variant="default" onClick={() => go({ contact: undefined })}>
            {t("workflows.showAll")}
          </Button>
        </Group>
      </Group>
      <Drawer
        closeButtonProps={{ "aria-label": t("common.close") }}
        opened={told && Boolean(journey)}
        onClose={() => setTold(false)}
        position="right"
        title={<ContactName id={contact} />}
      >
        {journey && <JourneyPath workflow={workflow} journey={journey} />}
      </Drawer>
    </Paper>
  );
}
