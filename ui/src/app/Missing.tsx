import { Button } from "@mantine/core";
import { IconMapQuestion } from "@tabler/icons-react";
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { isUnloaded } from "~/ui/unloaded";

export function Missing() {
  const { t } = useTranslation();
  return (
    <Empty
      icon={<IconMapQuestion />}
      title={t("common.noSuchPage")}
      action={<Button renderRoot={(props) => <Link {...props} to="/" />}>{t("nav.home")}</Button>}
    />
  );
}

export function CouldNotShow({ error, reset }: ErrorComponentProps) {
  return <Failed error={error} retry={isUnloaded(error) ? () => window.location.reload() : reset} />;
}
