import { useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Page } from "~/ui/Page";
import { HowToSend } from "../parts/HowToSend";

export function SendEventPage() {
  const { t } = useTranslation();
  const { type } = useSearch({ from: "/events/send" });
  return (
    <Page
      title={t("events.howToSend")}
      soft={t("events.sendSoft")}
      crumbs={[{ label: t("nav.events"), to: "/events" }]}
    >
      <HowToSend typeKey={type ?? "invoicePaid"} />
    </Page>
  );
}
