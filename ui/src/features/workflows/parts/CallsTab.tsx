/** Webhooks and actions that steps called, with every attempt. */
import { Badge, Drawer, Group, Stack, Text } from "@mantine/core";
import { IconWebhook } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Call, WorkflowSeen } from "~/api/schema";
import { ContactPicker } from "~/ui/ContactPicker";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import type { WorkflowLook } from "../routes";
import { ContactName } from "./ContactName";

const COLORS: Record<string, string> = { to_do: "blue", done: "teal", given_up: "red" };

export function CallsTab({
  workflow,
  look,
  go,
}: {
  workflow: WorkflowSeen;
  look: WorkflowLook;
  go: (look: Partial<WorkflowLook>) => void;
}) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState<Call>();
  const id = workflow.workflow_id;
  const pages = usePages<Call>(["workflow", id, "calls", look.contact], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/workflows/{workflow_id}/calls", {
        params: { path: { workflow_id: id }, query: { contact_id: look.contact, limit: 100, cursor } },
        signal,
      }),
    ),
  );
  const columns = useMemo<Column<Call>[]>(
    () => [
      {
        id: "contact",
        header: t("workflows.contact"),
        width: "1.3fr",
        cell: (row) => <ContactName id={row.contact_id} onOpen={() => setOpened(row)} />,
      },
      {
        id: "state",
        header: t("workflows.state"),
        width: "130px",
        cell: (row) => (
          <Badge color={COLORS[row.state] ?? "gray"} tt="none">
            {t(`workflows.callStates.${row.state}` as "workflows.callStates.done")}
          </Badge>
        ),
      },
      { id: "what", header: t("workflows.called"), width: "2fr", cell: (row) => row.what },
      {
        id: "attempts",
        header: t("workflows.attempts"),
        width: "100px",
        numeric: true,
        cell: (row) => number(row.attempts.length),
      },
      {
        id: "last",
        header: t("workflows.lastAnswer"),
        width: "1.3fr",
        cell: (row) => {
          const last = row.attempts.at(-1);
          return last ? last.error || String(last.status ?? "") : "";
        },
      },
      {
        id: "made",
        header: t("workflows.calledAt"),
        width: "150px",
        cell: (row) => <Time at={row.made_at} relative />,
      },
    ],
    [t],
  );
  return (
    <Stack gap="sm">
      <ContactPicker
        clearable
        label={t("workflows.oneContact")}
        value={look.contact}
        onChange={(contact) => go({ contact })}
        w={280}
      />
      <DataTable
        label={t("workflows.tabs.calls")}
        columns={columns}
        rowKey={(row) => row.call_id}
        open={setOpened}
        height="calc(100dvh - 340px)"
        empty={
          <Empty icon={<IconWebhook size={26} aria-hidden />} title={t("workflows.noCalls")}>
            {t("workflows.noCallsText")}
          </Empty>
        }
        {...pages}
      />
      <Drawer
        closeButtonProps={{ "aria-label": t("common.close") }}
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        position="right"
        title={opened && <ContactName id={opened.contact_id} />}
      >
        {opened && (
          <Stack>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {opened.what}
            </Text>
            {opened.next_at && (
              <Text size="sm">
                {t("workflows.nextAttempt")} <Time at={opened.next_at} relative />
              </Text>
            )}
            {opened.attempts.length === 0 && <Text size="sm">{t("workflows.noAttempt")}</Text>}
            {[...opened.attempts].reverse().map((attempt) => (
              <div key={attempt.at}>
                <Group justify="space-between">
                  <Text size="sm" fw={600} c={attempt.error ? "red" : undefined}>
                    {attempt.status ??
                      (attempt.error ? t("workflows.noAnswer") : t("workflows.callStates.done"))}
                  </Text>
                  <Text size="xs" c="dimmed">
                    <Time at={attempt.at} /> · {number(attempt.ms)} ms
                  </Text>
                </Group>
                {attempt.error && (
                  <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                    {attempt.error}
                  </Text>
                )}
              </div>
            ))}
          </Stack>
        )}
      </Drawer>
    </Stack>
  );
}
