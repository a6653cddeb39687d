import { useTranslation } from "react-i18next";
import { Page, type PageProps } from "~/ui/Page";

/** A page below the settings: its way back, its name, what it is for. */
export function SettingsPage(props: Omit<PageProps, "crumbs">) {
  const { t } = useTranslation();
  return <Page {...props} crumbs={[{ label: t("nav.settings"), to: "/settings" as "/" }]} />;
}
