import { Badge } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { AppConnection } from "~/api/schema";

/** Whether a connection works, in one word. */
export function Health({ connection }: { connection: AppConnection }) {
  const { t } = useTranslation();
  const state = stateOf(connection);
  return <Badge color={COLORS[state]}>{t(`integrations.states.${state}`)}</Badge>;
}

export type State = "works" | "waits" | "broken" | "building" | "ended";

const COLORS = {
  works: "teal",
  waits: "yellow",
  broken: "red",
  building: "blue",
  ended: "gray",
} as const;

/** `waits`: it was never connected; `broken`: it was, and a person has to connect it again. */
export function stateOf(
  connection: Pick<AppConnection, "state" | "works" | "needs_person" | "problem">,
): State {
  if (connection.works) return "works";
  if (connection.state === "BUILDING") return "building";
  if (connection.state === "DISCONNECTING") return "ended";
  if (connection.state === "CLIENT_ACTION_REQUIRED" && connection.problem === "") return "waits";
  return "broken";
}
