import { Group, Skeleton, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Transitions } from "~/api/schema";
import { RFM_CLASSES } from "~/ui/conditions/rows/scores";
import { useWords } from "~/ui/conditions/words";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { heat } from "../heat";
import { transitionsQuery } from "../queries";
import classes from "./heat.module.css";

/** Moves from class to class between the ends of two days. */
export function TransitionsTab({
  since,
  until,
  onDays,
}: {
  since: string | undefined;
  until: string | undefined;
  onDays: (days: { since?: string; until?: string }) => void;
}) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(transitionsQuery(since, until));
  return (
    <Stack>
      <Group align="flex-end">
        <TextInput
          type="date"
          label={t("rfm.since")}
          value={since ?? data?.since ?? ""}
          onChange={(event) => onDays({ since: event.currentTarget.value || undefined })}
        />
        <TextInput
          type="date"
          label={t("rfm.until")}
          value={until ?? data?.until ?? ""}
          onChange={(event) => onDays({ until: event.currentTarget.value || undefined })}
        />
      </Group>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {!data && !error && <Skeleton height={320} />}
      {data &&
        !error &&
        (data.moves.length === 0 ? <Text c="dimmed">{t("rfm.noMoves")}</Text> : <Matrix data={data} />)}
    </Stack>
  );
}

/** No customer yet, or not any more. */
const NOBODY = "none";

function Matrix({ data }: { data: Transitions }) {
  const { t } = useTranslation();
  const words = useWords();
  const all = [...RFM_CLASSES, NOBODY];
  const nameOf = (name: string) => (name === NOBODY ? t("rfm.noCustomer") : words("rfmClasses", name));
  const counts = new Map(
    data.moves.map((one) => [`${one.was ?? NOBODY} ${one.became ?? NOBODY}`, one.contacts]),
  );
  // Who stayed would drown all others.
  const most = Math.max(1, ...data.moves.filter((one) => one.was !== one.became).map((one) => one.contacts));
  const moved = data.moves.reduce((sum, one) => sum + (one.was === one.became ? 0 : one.contacts), 0);
  const stayed = data.moves.reduce((sum, one) => sum + (one.was === one.became ? one.contacts : 0), 0);
  return (
    <>
      <Group gap="lg">
        <Text size="sm">
          {t("rfm.better")}: <b>{number(moved)}</b>
        </Text>
        <Text size="sm">
          {t("rfm.stayed")}: <b>{number(stayed)}</b>
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        {t("rfm.movesHint")}
      </Text>
      <Table.ScrollContainer minWidth={980}>
        <Table className={classes.table} highlightOnHover={false} aria-label={t("rfm.movesLabel")} fz="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("rfm.was")}</Table.Th>
              {all.map((became) => (
                <Table.Th key={became} scope="col" ta="center" p={4}>
                  {nameOf(became)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {all.map((was) => (
              <Table.Tr key={was}>
                <Table.Th scope="row">{nameOf(was)}</Table.Th>
                {all.map((became) => {
                  const count = counts.get(`${was} ${became}`) ?? 0;
                  return (
                    <Table.Td key={became} p={2}>
                      <div
                        className={`${classes.cell} ${classes.small}`}
                        data-heat={was === became ? (count > 0 ? undefined : 0) : heat(count, most)}
                        title={t("rfm.movedTo", {
                          was: nameOf(was),
                          became: nameOf(became),
                          people: number(count),
                        })}
                      >
                        {count === 0 ? "" : number(count)}
                      </div>
                    </Table.Td>
                  );
                })}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </>
  );
}
