import { Anchor, Button, Group, Text, VisuallyHidden } from "@mantine/core";
import { IconCircle, IconCircleCheckFilled } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Home } from "~/api/schema";
import { usePaths } from "~/app/Shell";
import { Box } from "./Box";

const PATHS: Record<string, string> = {
  sender: "/settings/senders",
  contacts: "/imports/new",
  template: "/templates/new",
  campaign: "/campaigns/new",
  domain: "/settings/domains",
  segment: "/segments/new",
  workflow: "/workflows/new",
};

/** What an account has not done yet; gone once all is done. */
export function NextSteps({ steps, fresh }: { steps: Home["steps"]; fresh: boolean }) {
  const { t } = useTranslation();
  const paths = usePaths();
  const done = steps.filter((step) => step.is_done).length;
  if (done === steps.length) return null;
  return (
    <Box title={t("home.nextSteps", { done, all: steps.length })}>
      {fresh && (
        <Button renderRoot={(props) => <Link {...props} to="/welcome" />} style={{ alignSelf: "start" }}>
          {t("home.firstEmail")}
        </Button>
      )}
      {steps.map((step) => (
        <Group key={step.key} gap="xs" wrap="nowrap">
          {step.is_done ? (
            <IconCircleCheckFilled size={18} color="var(--mantine-color-teal-7)" aria-hidden />
          ) : (
            <IconCircle size={18} aria-hidden />
          )}
          {step.is_done || !paths.has(PATHS[step.key] ?? "") ? (
            <Text size="sm" c="dimmed">
              {t(`home.steps.${step.key as "sender"}`, { defaultValue: step.key })}
              {step.is_done && <VisuallyHidden>: {t("home.done")}</VisuallyHidden>}
            </Text>
          ) : (
            <Anchor
              size="sm"
              renderRoot={(props) => <Link {...props} to={(PATHS[step.key] ?? "/") as "/"} />}
            >
              {t(`home.steps.${step.key as "sender"}`, { defaultValue: step.key })}
            </Anchor>
          )}
        </Group>
      ))}
    </Box>
  );
}
