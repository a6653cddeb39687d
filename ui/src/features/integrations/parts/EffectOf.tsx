import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { AppAction } from "~/api/schema";

/** What running an action does to the app. */
export function EffectOf({ action }: { action: Pick<AppAction, "effect"> }) {
  const { t } = useTranslation();
  const color = action.effect === "read" ? "gray" : action.effect === "write" ? "blue" : "red";
  return (
    <Badge color={color} style={{ flexShrink: 0 }}>
      {t(`integrations.effects.${action.effect}`)}
    </Badge>
  );
}
