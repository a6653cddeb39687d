import { Button, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

/** The foot of a dialog: the way out, and what the dialog is for. */
export function DialogButtons({
  onClose,
  focused = false,
  children,
}: {
  onClose: () => void;
  /** The way out has the focus: for what cannot be undone. */
  focused?: boolean;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onClose} data-autofocus={focused || undefined}>
        {t("common.cancel")}
      </Button>
      {children}
    </Group>
  );
}
