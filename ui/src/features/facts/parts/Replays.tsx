/** What events would have started is started now: rehearsed first. */
import {
  Alert,
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Paper,
  Progress,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Rehearsal, Replay } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { useAct } from "../act";
import { dayBefore, localDay, momentsOf } from "../period";
import { replaysQuery } from "../queries";

export function Replays({ typeKey }: { typeKey: string }) {
  const replays = useQuery(replaysQuery);
  const mine = replays.data?.filter((one) => one.type_key === typeKey) ?? [];
  return (
    <Stack>
      <Planned typeKey={typeKey} />
      {replays.isError && !replays.data && (
        <Failed error={replays.error} retry={() => void replays.refetch()} />
      )}
      {mine.map((one) => (
        <Running key={one.replay_id} replay={one} />
      ))}
    </Stack>
  );
}

function Planned({ typeKey }: { typeKey: string }) {
  const { t } = useTranslation();
  const mayStart = useMay("send");
  const today = localDay(new Date());
  const [since, setSince] = useState(dayBefore(today, 6));
  const [until, setUntil] = useState(today);
  const [anew, setAnew] = useState(false);
  const [rate, setRate] = useState<number | string>(100);
  const rehearsal = useMutation({
    mutationFn: () =>
      ask(api.POST("/syncom/v1/event-replays/rehearse", { body: { type_key: typeKey, ...moments() } })),
  });
  const start = useAct(
    () =>
      ask(
        api.POST("/syncom/v1/event-replays", {
          body: { type_key: typeKey, ...moments(), anew, rate: Number(rate) || 100 },
        }),
      ),
    { renews: [["event", "replays"]], done: t("events.replayStarted"), onDone: () => rehearsal.reset() },
  );
  const moments = () => {
    const span = momentsOf({ since, until }, 0);
    return { from: span.since ?? "", to: span.until ?? "" };
  };
  const found = rehearsal.data?.items;
  const fresh = found?.reduce((all, one) => all + one.events - (anew ? 0 : one.started_before), 0) ?? 0;
  const change = (set: (value: string) => void) => (event: React.ChangeEvent<HTMLInputElement>) => {
    set(event.currentTarget.value);
    rehearsal.reset();
  };
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Title order={2} size="h3">
          {t("events.replayTitle")}
        </Title>
        <Text size="sm" c="dimmed">
          {t("events.replayHint")}
        </Text>
        <Group align="flex-end">
          <TextInput
            type="date"
            label={t("facts.since")}
            value={since}
            max={until}
            onChange={change(setSince)}
          />
          <TextInput
            type="date"
            label={t("facts.until")}
            value={until}
            min={since}
            onChange={change(setUntil)}
          />
          <Button
            variant="default"
            disabled={!since || !until}
            loading={rehearsal.isPending}
            onClick={() => rehearsal.mutate()}
          >
            {t("events.rehearse")}
          </Button>
        </Group>
        {rehearsal.isError && <Failed error={rehearsal.error} />}
        {found?.length === 0 && (
          <Alert icon={<IconInfoCircle aria-hidden />} title={t("events.startsNothing")}>
            <Text size="sm">{t("events.startsNothingNext")}</Text>
          </Alert>
        )}
        {found && found.length > 0 && (
          <>
            <Rehearsed rows={found} />
            {mayStart && (
              <>
                <Checkbox
                  label={t("events.anew")}
                  description={t("events.anewHint")}
                  checked={anew}
                  onChange={(event) => setAnew(event.currentTarget.checked)}
                />
                <Group align="flex-end">
                  <NumberInput
                    label={t("events.rate")}
                    min={1}
                    max={1000}
                    w={160}
                    value={rate}
                    onChange={setRate}
                  />
                  <Button
                    loading={start.isPending}
                    disabled={fresh === 0}
                    onClick={() =>
                      confirm({
                        title: t("events.replayAsk"),
                        text: t("events.replayAskText", { count: fresh, n: number(fresh) }),
                        act: t("events.replayAct"),
                        danger: false,
                        onYes: () => start.mutate(),
                      })
                    }
                  >
                    {t("events.replayButton")}
                  </Button>
                  {fresh === 0 && (
                    <Text size="sm" c="dimmed" pb={8}>
                      {t("events.nothingNew")}
                    </Text>
                  )}
                </Group>
              </>
            )}
          </>
        )}
      </Stack>
    </Paper>
  );
}

function Rehearsed({ rows }: { rows: readonly Rehearsal[] }) {
  const { t } = useTranslation();
  return (
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("events.workflow")}</Table.Th>
          <Table.Th ta="right">{t("events.fit")}</Table.Th>
          <Table.Th ta="right">{t("events.startedBefore")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((one) => (
          <Table.Tr key={one.workflow_id}>
            <Table.Td style={{ overflowWrap: "anywhere" }}>
              <Anchor
                size="sm"
                dir="auto"
                renderRoot={(props) => <Link {...props} to={`/workflows/${one.workflow_id}` as "/"} />}
              >
                {one.name}
              </Anchor>
            </Table.Td>
            <Table.Td ta="right">{number(one.events)}</Table.Td>
            <Table.Td ta="right">{number(one.started_before)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Running({ replay }: { replay: Replay }) {
  const { t } = useTranslation();
  const may = useMay("send");
  const cancel = useAct(
    () =>
      ask(
        api.POST("/syncom/v1/event-replays/{replay_id}/cancel", {
          params: { path: { replay_id: replay.replay_id } },
        }),
      ),
    { renews: [["event", "replays"]], done: t("events.replayCancelled") },
  );
  const share = replay.events > 0 ? (100 * replay.replayed) / replay.events : 100;
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Group gap="xs">
          <Badge tt="none" color={replay.status === "running" ? undefined : "gray"}>
            {t(`events.replayStates.${replay.status}`)}
          </Badge>
          <Text size="sm" component="div">
            <Time at={replay.since} /> – <Time at={replay.until} />
          </Text>
          {replay.anew && (
            <Badge tt="none" color="yellow">
              {t("events.anewMark")}
            </Badge>
          )}
        </Group>
        <Text size="sm">
          {t("events.replayed", { done: number(replay.replayed), all: number(replay.events) })}
        </Text>
      </Group>
      <Group gap="sm" wrap="nowrap">
        <Progress value={share} flex={1} aria-label={t("events.tabs.replay")} />
        {may && replay.status === "running" && (
          <Button size="xs" variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            {t("common.cancel")}
          </Button>
        )}
      </Group>
    </Paper>
  );
}
