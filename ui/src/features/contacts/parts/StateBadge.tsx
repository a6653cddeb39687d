import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";

const COLOURS: { [state: string]: string } = {
  subscribed: "teal",
  unconfirmed: "yellow",
  unsubscribed: "red",
};

/** Whether a person may be reached over a channel. */
export function StateBadge({ state }: { state: string }) {
  const { t } = useTranslation();
  return (
    <Badge color={COLOURS[state] ?? "gray"} tt="none" autoContrast>
      {t(`contacts.states.${state}` as "contacts.states.none")}
    </Badge>
  );
}
