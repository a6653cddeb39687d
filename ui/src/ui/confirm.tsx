import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import i18next from "i18next";

/** Ask before what cannot be undone. Name the act on the button: "Delete 3 contacts", never "OK". */
export function confirm({
  title,
  text,
  act,
  danger = true,
  onYes,
}: {
  title: string;
  text: string;
  act: string;
  danger?: boolean;
  onYes: () => void;
}): void {
  modals.openConfirmModal({
    title,
    children: <Text size="sm">{text}</Text>,
    labels: { confirm: act, cancel: i18next.t("common.cancel") },
    confirmProps: danger ? { color: "red" } : {},
    onConfirm: onYes,
  });
}
