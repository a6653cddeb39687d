/** A bulk action while it runs, and what came of it; with the way back. */
import { ActionIcon, Button, Group, Paper, Progress, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { BulkAction } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { tellFailed } from "~/ui/tell";
import { actionQuery, isUnderWay, renewContacts } from "../queries";

export function ActionProgress({ id, onClose }: { id: number; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const action = useQuery(actionQuery(id));
  const state = action.data?.state;
  useEffect(() => {
    if (state && !isUnderWay(state)) renewContacts(client);
  }, [state, client]);
  const steer = useMutation({
    mutationFn: (way: "cancel" | "undo") => {
      const params = { params: { path: { action_id: id } } };
      return way === "cancel"
        ? ask(api.POST("/syncom/v1/bulk-actions/{action_id}/cancel", params))
        : ask(api.POST("/syncom/v1/bulk-actions/{action_id}/undo", params));
    },
    onSuccess: (changed) => client.setQueryData(actionQuery(id).queryKey, changed),
    onError: tellFailed,
  });
  if (action.error) return <Failed error={action.error} retry={() => void action.refetch()} />;
  if (!action.data) return null;
  const one = action.data;
  const runs = isUnderWay(one.state);
  const share = one.total ? Math.min(100, (100 * one.looked_at) / one.total) : 0;
  return (
    <Paper withBorder p="sm" aria-live="polite" role="status">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text size="sm" fw={600}>
            {t(`contacts.deeds.${one.deed.do}`)}: {t(`contacts.actionStates.${one.state}`)}
          </Text>
          <Text size="sm" c="dimmed">
            <Counts action={one} />
          </Text>
          {one.problem !== "" && (
            <Text size="sm" c="red">
              {one.problem}
            </Text>
          )}
        </div>
        <Group gap="xs" wrap="nowrap">
          {mayWrite && (one.state === "running" || one.state === "waiting") && (
            <Button
              size="xs"
              variant="default"
              loading={steer.isPending}
              onClick={() => steer.mutate("cancel")}
            >
              {t("contacts.stop")}
            </Button>
          )}
          {mayWrite && !runs && one.undo_until && (
            <Button size="xs" variant="light" loading={steer.isPending} onClick={() => steer.mutate("undo")}>
              {t("common.undo")}
            </Button>
          )}
          <ActionIcon variant="subtle" color="gray" onClick={onClose} aria-label={t("common.close")}>
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </Group>
      </Group>
      {runs && (
        <Progress
          value={one.total === null ? 100 : share}
          animated={one.total === null || one.state === "undoing"}
          mt="xs"
          size="sm"
          aria-label={t(`contacts.deeds.${one.deed.do}`)}
        />
      )}
    </Paper>
  );
}

function Counts({ action }: { action: BulkAction }) {
  const { t } = useTranslation();
  if (action.state === "undone" || action.state === "undoing")
    return <>{t("contacts.putBack", { count: action.undone, shown: number(action.undone) })}</>;
  const seen = t("contacts.changedOf", {
    count: action.changed,
    shown: number(action.changed),
    seen: number(action.looked_at),
  });
  if (action.total === null || !isUnderWay(action.state)) return <>{seen}</>;
  return (
    <>
      {seen} ·{" "}
      {t(action.total_is_exact ? "contacts.inAll" : "contacts.inAllAbout", { total: number(action.total) })}
    </>
  );
}
