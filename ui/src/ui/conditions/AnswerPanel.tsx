/** Beside the builder: the condition in the server's words, how many match, and ten of them. */
import { ActionIcon, Anchor, Box, Group, Loader, Paper, Stack, Text, Tooltip } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Count } from "~/api/schema";
import { nameOf } from "../contactName";
import { Failed } from "../Failed";
import { number } from "../format";
import { Time } from "../Time";
import type { Answer } from "./useAnswer";

export function AnswerPanel({ answer }: { answer: Answer }) {
  const { t } = useTranslation();
  const { count } = answer;
  return (
    <Paper withBorder p="md" aria-label={t("conditions.answer")} component="section">
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <div role="status">
            {count ? <CountWords count={count} /> : <Text c="dimmed">{t("conditions.notCounted")}</Text>}
            {count && answer.at > 0 && (
              <Text size="xs" c="dimmed" component="div">
                {t("conditions.asOf")} <Time at={new Date(answer.at).toISOString()} />
              </Text>
            )}
          </div>
          {answer.isAsking ? (
            <Loader size={18} aria-label={t("conditions.counting")} />
          ) : (
            <Tooltip label={t("conditions.countAgain")}>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={t("conditions.countAgain")}
                onClick={answer.again}
              >
                <IconRefresh size={16} aria-hidden />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
        {answer.isUnfinished && (
          <Text size="sm" c="dimmed">
            {t("conditions.finishRows")}
          </Text>
        )}
        {answer.errors.length > 0 && (
          <Text size="sm" c="var(--mantine-color-error)">
            {t("conditions.mendRows")}
          </Text>
        )}
        {answer.failure !== undefined && answer.failure !== null && (
          <Failed error={answer.failure} retry={answer.again} />
        )}
        {answer.sentence !== "" && <Sentence text={answer.sentence} />}
        {answer.people.length > 0 && (
          <div>
            <Text size="xs" fw={600} c="dimmed" mb={4}>
              {t("conditions.sample", { count: answer.people.length })}
            </Text>
            <Stack gap={2} opacity={answer.isAsking ? 0.55 : 1}>
              {answer.people.map((person) => (
                <Anchor
                  key={person.contact_id}
                  size="sm"
                  lh="24px"
                  truncate
                  dir="auto"
                  renderRoot={(props) => (
                    <Link
                      {...props}
                      to={"/contacts/$id" as "/"}
                      params={{ id: String(person.contact_id) } as never}
                    />
                  )}
                >
                  {nameOf(person)}
                </Anchor>
              ))}
            </Stack>
          </div>
        )}
      </Stack>
    </Paper>
  );
}

/** How many, and how sure that is. */
export function CountWords({ count }: { count: Count }) {
  const { t } = useTranslation();
  return (
    <>
      <Text fz={26} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }} component="span">
        {count.is_exact ? "" : "≈ "}
        {number(count.contacts)}
      </Text>{" "}
      <Text component="span" size="sm" c="dimmed">
        {t("conditions.contacts", { count: count.contacts })}
      </Text>
      {!count.is_exact && (
        <Text size="xs" c="dimmed">
          {t("conditions.sampled", { error: number(count.error ?? 0) })}
        </Text>
      )}
    </>
  );
}

/** The condition in the server's words. */
export function Sentence({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <Box>
      <Text size="xs" fw={600} c="dimmed">
        {t("conditions.inWords")}
      </Text>
      <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }} lang="en">
        {text}
      </Text>
    </Box>
  );
}
