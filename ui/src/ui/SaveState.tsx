import { Button, Group, Text } from "@mantine/core";
import { IconCheck, IconCloudOff, IconLoader2 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

/** The one answer to "did it save?". */
export function SaveState({
  state,
  at,
  retry,
}: {
  state: "saved" | "saving" | "unsaved" | "failed";
  at?: Date;
  retry?: () => void;
}) {
  const { t, i18n } = useTranslation();
  const time = at?.toLocaleTimeString(i18n.language, { hour: "2-digit", minute: "2-digit" }) ?? "";
  return (
    <Group gap={6} role="status" aria-live="polite">
      {state === "saving" && <IconLoader2 size={16} aria-hidden />}
      {state === "saved" && <IconCheck size={16} aria-hidden />}
      {state === "failed" && <IconCloudOff size={16} aria-hidden />}
      <Text size="sm" c={state === "failed" ? "red" : "dimmed"}>
        {state === "saved" && at ? t("common.savedAt", { time }) : t(`common.saveStates.${state}`)}
      </Text>
      {state === "failed" && retry && (
        <Button size="compact-xs" variant="light" color="red" onClick={retry}>
          {t("common.tryAgain")}
        </Button>
      )}
    </Group>
  );
}
