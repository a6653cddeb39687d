/** Short news at the corner: done, with a way back where there is one; failed, with why. */
import { Anchor, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import i18next from "i18next";
import { Failure } from "~/api/client";

/** `undo` takes it back; it is offered for ten seconds. */
export function tellDone(message: string, undo?: () => void): void {
  const id = crypto.randomUUID();
  notifications.show({
    id,
    color: "teal",
    closeButtonProps: { "aria-label": i18next.t("common.close") },
    icon: <IconCheck size={18} aria-hidden />,
    autoClose: undo ? 10_000 : 4000,
    message: undo ? (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        <Anchor
          component="button"
          size="sm"
          fw={600}
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          {i18next.t("common.undo")}
        </Anchor>
      </Group>
    ) : (
      message
    ),
  });
}

export function tellFailed(error: unknown): void {
  let message = i18next.t("common.failed");
  if (error instanceof Failure) {
    if (error.code === "offline") message = i18next.t("common.offline");
    else if (error.fields.length > 0)
      message = error.fields.map((one) => `${one.field}: ${one.reason}`).join("; ");
    else if (error.message !== "") message = error.message;
  }
  notifications.show({
    color: "red",
    closeButtonProps: { "aria-label": i18next.t("common.close") },
    icon: <IconAlertTriangle size={18} aria-hidden />,
    autoClose: 8000,
    message,
  });
}
