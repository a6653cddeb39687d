import { Anchor, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { actionsQuery } from "../queries";

/** The newest bulk actions: each can be opened, and taken back there. */
export function ActionsDialog({ onClose, onOpen }: { onClose: () => void; onOpen: (id: number) => void }) {
  const { t } = useTranslation();
  const actions = useQuery(actionsQuery);
  return (
    <Modal
      opened
      onClose={onClose}
      closeButtonProps={{ "aria-label": t("common.close") }}
      title={t("contacts.recentActions")}
      size="lg"
    >
      <Stack gap="xs">
        {actions.data?.length === 0 && <Text size="sm">{t("contacts.noActions")}</Text>}
        {actions.data?.map((one) => (
          <Group key={one.action_id} justify="space-between" gap="xs">
            <Anchor component="button" size="sm" onClick={() => onOpen(one.action_id)}>
              {t(`contacts.deeds.${one.deed.do}`)}
            </Anchor>
            <Text size="sm" c="dimmed" component="div">
              {t(`contacts.actionStates.${one.state}`)} ·{" "}
              {t("contacts.changedOf", {
                count: one.changed,
                shown: number(one.changed),
                seen: number(one.looked_at),
              })}{" "}
              · <Time at={one.created_at} relative />
            </Text>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
