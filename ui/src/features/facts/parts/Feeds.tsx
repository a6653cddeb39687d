/** Files that products are read from: how they go, what was refused and why. */
import {
  Alert,
  Badge,
  Button,
  FileButton,
  Group,
  NumberInput,
  Paper,
  PasswordInput,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconAlertTriangle, IconPlus, IconRss } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, askPlain } from "~/api/client";
import type { Feed, FeedResult } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { FormDialog } from "~/ui/FormDialog";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { feedsQuery } from "../queries";

const RENEWS = [["product-feed"], ["product"]] as const;
const HOUR = 3600;

export function Feeds() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const feeds = useQuery(feedsQuery);
  const [editing, setEditing] = useState<Feed | "new">();
  const add = may && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setEditing("new")}>
      {t("products.addFeed")}
    </Button>
  );
  return (
    <Stack>
      {feeds.isError && !feeds.data && <Failed error={feeds.error} retry={() => void feeds.refetch()} />}
      {feeds.data?.length === 0 && (
        <Empty icon={<IconRss />} title={t("products.noFeeds")} action={add}>
          {t("products.noFeedsNext")}
        </Empty>
      )}
      {feeds.data && feeds.data.length > 0 && <Group justify="flex-end">{add}</Group>}
      {feeds.data?.map((one) => (
        <OneFeed key={one.feed_id} feed={one} onEdit={() => setEditing(one)} />
      ))}
      {editing && (
        <FeedDialog feed={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
    </Stack>
  );
}

function OneFeed({ feed, onEdit }: { feed: Feed; onEdit: () => void }) {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const at = { path: { feed_id: feed.feed_id } };
  const told = (answer: Feed) =>
    answer.last_result ? t(`products.outcomes.${answer.last_result.outcome}`) : t("products.ran");
  const run = useAct(
    (isConfirmed: boolean) =>
      ask(
        api.POST("/syncom/v1/product-feeds/{feed_id}/run", {
          params: { ...at, query: { confirm: isConfirmed } },
        }),
      ),
    { renews: RENEWS, done: told },
  );
  const take = useAct(
    async (file: File) =>
      (await (
        await askPlain(`/syncom/v1/product-feeds/${feed.feed_id}/file`, { method: "POST", body: file })
      ).json()) as Feed,
    { renews: RENEWS, done: told },
  );
  const toggle = useAct(
    () =>
      ask(
        feed.enabled
          ? api.POST("/syncom/v1/product-feeds/{feed_id}/pause", { params: at })
          : api.POST("/syncom/v1/product-feeds/{feed_id}/resume", { params: at }),
      ),
    { renews: RENEWS, done: t(feed.enabled ? "products.pausedDone" : "products.resumedDone") },
  );
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/product-feeds/{feed_id}", { params: at })), {
    renews: RENEWS,
    done: t("products.feedDeleted"),
  });
  const result = feed.last_result;
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start">
          <div style={{ minWidth: 0 }}>
            <Group gap="xs">
              <Title order={2} size="h3" style={{ overflowWrap: "anywhere" }}>
                <bdi>{feed.name}</bdi>
              </Title>
              <FeedBadge feed={feed} />
            </Group>
            <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {feed.url || t("products.byFile")}
            </Text>
            <Text size="xs" c="dimmed" component="div">
              {feed.last_run_at ? (
                <>
                  {t("products.lastRun")} <Time at={feed.last_run_at} relative />
                </>
              ) : (
                t("products.neverRan")
              )}
              {feed.enabled && feed.next_at && (
                <>
                  {" · "}
                  {t("products.nextRun")} <Time at={feed.next_at} relative />
                </>
              )}
            </Text>
          </div>
          {may && (
            <Group gap="xs">
              {feed.url !== "" && (
                <Button size="xs" loading={run.isPending} onClick={() => run.mutate(false)}>
                  {t("products.run")}
                </Button>
              )}
              <FileButton onChange={(file) => file && take.mutate(file)}>
                {(props) => (
                  <Button size="xs" variant="default" loading={take.isPending} {...props}>
                    {t("products.upload")}
                  </Button>
                )}
              </FileButton>
              {feed.url !== "" && (
                <Button
                  size="xs"
                  variant="default"
                  loading={toggle.isPending}
                  onClick={() => toggle.mutate()}
                >
                  {t(feed.enabled ? "products.pause" : "products.resume")}
                </Button>
              )}
              <Button size="xs" variant="default" onClick={onEdit}>
                {t("common.edit")}
              </Button>
              <Button
                size="xs"
                variant="subtle"
                color="red"
                onClick={() =>
                  confirm({
                    title: t("products.deleteFeedAsk", { name: feed.name }),
                    text: t("products.deleteFeedAskText"),
                    act: t("products.deleteFeedAct"),
                    onYes: () => remove.mutate(),
                  })
                }
              >
                {t("common.delete")}
              </Button>
            </Group>
          )}
        </Group>
        {feed.last_error && (
          <Alert
            color="red"
            icon={<IconAlertTriangle aria-hidden />}
            title={t("products.failed", { count: feed.failures })}
          >
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {feed.last_error}
            </Text>
          </Alert>
        )}
        {result?.outcome === "held" && (
          <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />} title={t("products.held")}>
            <Text size="sm" mb="xs">
              {t("products.heldText", { count: result.removed ?? 0, n: number(result.removed ?? 0) })}
            </Text>
            {may && feed.url !== "" && (
              <Button size="xs" variant="default" loading={run.isPending} onClick={() => run.mutate(true)}>
                {t("products.applyAnyway")}
              </Button>
            )}
          </Alert>
        )}
        {result && <Result result={result} />}
      </Stack>
    </Paper>
  );
}

function FeedBadge({ feed }: { feed: Feed }) {
  const { t } = useTranslation();
  if (!feed.enabled)
    return (
      <Badge tt="none" color="gray">
        {t("products.paused")}
      </Badge>
    );
  if (feed.last_error)
    return (
      <Badge tt="none" color="red">
        {t("products.hasFailed")}
      </Badge>
    );
  return (
    <Badge tt="none" color="teal">
      {t("products.reads")}
    </Badge>
  );
}

function Result({ result }: { result: FeedResult }) {
  const { t } = useTranslation();
  const problems = result.problems ?? [];
  const counts = (["products", "created", "changed", "unchanged", "removed", "refused"] as const).map(
    (name) => `${t(`products.counts.${name}`)} ${number(result[name] ?? 0)}`,
  );
  return (
    <>
      <Text size="sm">{counts.join(" · ")}</Text>
      {problems.length > 0 && (
        <details>
          <Text component="summary" size="sm">
            {t("products.problems", { count: result.refused ?? problems.length })}
          </Text>
          <Table.ScrollContainer
            minWidth={520}
            scrollAreaProps={{
              viewportProps: { tabIndex: 0, role: "region", "aria-label": t("products.problemList") },
            }}
          >
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("products.line")}</Table.Th>
                  <Table.Th>{t("products.id")}</Table.Th>
                  <Table.Th>{t("products.member")}</Table.Th>
                  <Table.Th>{t("products.reason")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {problems.map((one, index) => (
                  <Table.Tr key={index}>
                    <Table.Td>{number(one.line)}</Table.Td>
                    <Table.Td style={{ overflowWrap: "anywhere" }}>
                      <bdi>{one.product_id || "–"}</bdi>
                    </Table.Td>
                    <Table.Td>{one.field}</Table.Td>
                    <Table.Td style={{ overflowWrap: "anywhere" }}>{one.reason}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </details>
      )}
    </>
  );
}

function FeedDialog({ feed, onClose }: { feed: Feed | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: feed?.name ?? "",
      url: feed?.url ?? "",
      username: feed?.username ?? "",
      password: "",
      language: feed?.language ?? "",
      every: ((feed?.every ?? 6 * HOUR) / HOUR) as number | string,
    },
    send: ({ every, ...body }) => {
      const sent = { ...body, every: Math.round(Number(every) * HOUR) };
      return feed
        ? ask(
            api.PUT("/syncom/v1/product-feeds/{feed_id}", {
              params: { path: { feed_id: feed.feed_id } },
              body: sent,
            }),
          )
        : ask(api.POST("/syncom/v1/product-feeds", { body: sent }));
    },
    onDone: () => {
      for (const queryKey of RENEWS) void client.invalidateQueries({ queryKey });
      tellDone(t(feed ? "common.saved" : "products.feedAdded"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={feed ? t("products.editFeed") : t("products.addFeed")}
      act={feed ? t("common.save") : t("products.addFeed")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput label={t("common.name")} required data-autofocus {...form.getInputProps("name")} />
      <TextInput
        label={t("products.url")}
        description={t("products.urlHint")}
        placeholder="https://shop.example/feed.xml"
        {...form.getInputProps("url")}
      />
      <Group grow align="flex-start">
        <TextInput label={t("products.username")} autoComplete="off" {...form.getInputProps("username")} />
        <PasswordInput
          label={t("products.password")}
          description={feed?.username ? t("products.passwordStays") : undefined}
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
      </Group>
      <Group grow align="flex-start">
        <NumberInput
          label={t("products.every")}
          description={t("products.everyHint")}
          min={0}
          {...form.getInputProps("every")}
        />
        <TextInput
          label={t("products.language")}
          description={t("products.languageHint")}
          placeholder="uk"
          {...form.getInputProps("language")}
        />
      </Group>
    </FormDialog>
  );
}
