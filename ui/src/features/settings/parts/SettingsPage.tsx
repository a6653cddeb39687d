import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Page } from "~/ui/Page";

/** A page below the settings: its way back, its name, what it is for. */
export function SettingsPage({
  title,
  soft,
  actions,
  children,
}: {
  title: string;
  soft?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <Page
      title={title}
      soft={soft}
      actions={actions}
      crumbs={[{ label: t("nav.settings"), to: "/settings" as "/" }]}
    >
      {children}
    </Page>
  );
}
