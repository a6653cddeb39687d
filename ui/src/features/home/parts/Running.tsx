import { Anchor, Group, Progress, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Running as Thing } from "~/api/schema";
import { percent } from "~/ui/format";
import { Time } from "~/ui/Time";
import { Box } from "./Box";

const PATHS: Record<string, string> = {
  campaign: "/campaigns",
  workflow: "/workflows",
  import: "/imports",
};

export function Running({ running }: { running: Thing[] }) {
  const { t } = useTranslation();
  return (
    <Box title={t("home.running")}>
      {running.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("home.nothingRuns")}
        </Text>
      )}
      {running.map((thing) => {
        const kind = t(`home.kinds.${thing.kind as "campaign"}`, { defaultValue: thing.kind });
        const name = thing.kind === "bulk_action" || thing.name === "" ? kind : thing.name;
        const to = PATHS[thing.kind] ? `${PATHS[thing.kind]}/${thing.id}` : "/contacts";
        return (
          <div key={`${thing.kind}-${thing.id}`}>
            <Group justify="space-between" wrap="nowrap" align="baseline">
              <Anchor size="sm" lineClamp={2} renderRoot={(props) => <Link {...props} to={to as "/"} />}>
                <span dir="auto" style={{ overflowWrap: "anywhere" }}>
                  {name}
                </span>
              </Anchor>
              <Text size="xs" c="dimmed" style={{ flexShrink: 0 }} component="div">
                {t(`home.states.${thing.state as "sending"}`, { defaultValue: thing.state })}
                {thing.progress !== null && ` ${percent(thing.progress, 0)}`}
                {thing.at && thing.progress === null && (
                  <>
                    {" "}
                    <Time at={thing.at} relative />
                  </>
                )}
              </Text>
            </Group>
            {thing.progress !== null && (
              <Progress value={thing.progress * 100} size="sm" mt={4} aria-label={name} />
            )}
          </div>
        );
      })}
    </Box>
  );
}
