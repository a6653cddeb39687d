import { Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Hooks } from "../parts/Hooks";
import { Mailboxes } from "../parts/Mailboxes";
import { SettingsPage } from "../parts/SettingsPage";
import { Webhooks } from "../parts/Webhooks";

export function WebhooksPage() {
  const { t } = useTranslation();
  return (
    <SettingsPage title={t("settings.places.webhooks.title")} soft={t("settings.places.webhooks.soft")}>
      <Stack gap="xl">
        <Webhooks />
        <Hooks />
        <Mailboxes />
      </Stack>
    </SettingsPage>
  );
}
