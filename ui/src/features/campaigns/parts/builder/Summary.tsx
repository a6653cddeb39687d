/** What will happen, in words and numbers, and the act itself. */
import { Button, Divider, Group, Loader, Modal, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconCalendarClock, IconMailCheck, IconSend } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Campaign } from "~/api/schema";
import { useMay, useSession } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { DialogButtons } from "~/ui/DialogButtons";
import { Failed, useFailureText } from "~/ui/Failed";
import { dateTime, number } from "~/ui/format";
import { tellDone, tellFailed } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { checksOf } from "../../checks";
import type { Draft, When } from "../../draft";
import { keepMoved } from "../../queries";
import { useReason } from "../../reasons";
import { useKnown } from "./useKnown";

export function Summary({
  draft,
  when,
  campaign,
  save,
}: {
  draft: Draft;
  when: When;
  campaign: Campaign | undefined;
  save: () => Promise<number | undefined>;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const known = useKnown(draft);
  const maySend = useMay("send");
  const reason = useReason();
  const failureText = useFailureText();
  const [asking, setAsking] = useState(false);
  const [testing, setTesting] = useState(false);
  const errors = checksOf(draft, when, known).filter((check) => check.severity === "error");
  const { count } = known;
  const left = count ? count.matched - count.recipients : 0;

  const launch = useMutation({
    mutationFn: async () => {
      const id = await save();
      if (id === undefined) return;
      const params = { params: { path: { campaign_id: id } } };
      const moved =
        when.kind === "now"
          ? await ask(api.POST("/syncom/v1/campaigns/{campaign_id}/start", params))
          : await ask(
              api.POST("/syncom/v1/campaigns/{campaign_id}/schedule", {
                ...params,
                body:
                  when.kind === "at"
                    ? { at: new Date(when.at).toISOString() }
                    : { local_at: `${when.at}:00`, late: when.late },
              }),
            );
      keepMoved(client, moved);
      setAsking(false);
      if (when.kind !== "now") tellDone(t("campaigns.scheduled"));
      await go({ to: "/campaigns/$id", params: { id: String(id) } });
    },
  });
  const open = async () => {
    launch.reset();
    setAsking(true);
    // What the button says is counted at this moment.
    await known.audience.refetch();
  };
  const act =
    count &&
    t(when.kind === "now" ? "campaigns.sendNow" : "campaigns.sendLater", {
      count: count.recipients,
      number: number(count.recipients),
    });

  return (
    <Paper withBorder p="md" component="aside" aria-label={t("campaigns.whatHappens")}>
      <Stack gap="sm">
        <Title order={2}>{t("campaigns.whatHappens")}</Title>
        <div>
          <Group gap="xs" align="baseline">
            <Text fz={32} fw={650} lh={1.2} style={{ fontVariantNumeric: "tabular-nums" }}>
              {count ? number(count.recipients) : "–"}
            </Text>
            <Text c="dimmed">{t("campaigns.recipients", { count: count?.recipients ?? 0 })}</Text>
            {known.isCounting && <Loader size="xs" aria-label={t("campaigns.counting")} />}
          </Group>
          <Sentence draft={draft} when={when} known={known} />
        </div>
        {known.audience.isError && (
          <Text size="sm" c="red">
            {failureText(known.audience.error)}
          </Text>
        )}
        {count && known.channels.length > 1 && (
          <Lines
            rows={Object.entries(count.channels).map(([name, many]) => [
              t(`campaigns.channels.${name}` as "campaigns.channels.email"),
              many,
            ])}
          />
        )}
        {count && left > 0 && (
          <div>
            <Text size="sm" fw={600}>
              {t("campaigns.leftOut", { number: number(left), matched: number(count.matched) })}
            </Text>
            <Lines rows={Object.entries(count.excluded).map(([why, many]) => [reason(why), many])} />
          </div>
        )}
        <Divider />
        {maySend && (
          <>
            <Button
              variant="default"
              leftSection={<IconMailCheck size={18} aria-hidden />}
              disabled={!known.isMail}
              onClick={() => setTesting(true)}
            >
              {t("campaigns.test")}
            </Button>
            <Button
              leftSection={
                when.kind === "now" ? (
                  <IconSend size={18} aria-hidden />
                ) : (
                  <IconCalendarClock size={18} aria-hidden />
                )
              }
              disabled={errors.length > 0 || !count}
              onClick={() => void open()}
            >
              {when.kind === "now"
                ? t("campaigns.send")
                : campaign?.state === "scheduled"
                  ? t("campaigns.reschedule")
                  : t("campaigns.schedule")}
            </Button>
            {errors.length > 0 && (
              <Text size="xs" c="dimmed">
                {t("campaigns.mendFirst", { count: errors.length })}
              </Text>
            )}
          </>
        )}
        {campaign?.state === "scheduled" && maySend && <CallOff campaign={campaign} />}
      </Stack>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={act ? `${act}?` : t("campaigns.send")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        <Stack>
          <Sentence draft={draft} when={when} known={known} />
          {left > 0 && count && (
            <Text size="sm">
              {t("campaigns.leftOut", { number: number(left), matched: number(count.matched) })}
            </Text>
          )}
          {when.kind === "now" && (
            <Text size="sm" c="dimmed">
              {t("campaigns.noWayBack")}
            </Text>
          )}
          {launch.isError && <Failed error={launch.error} />}
          <DialogButtons onClose={() => setAsking(false)}>
            <Button
              onClick={() => launch.mutate()}
              loading={launch.isPending || known.audience.isFetching}
              data-autofocus
            >
              {act}
            </Button>
          </DialogButtons>
        </Stack>
      </Modal>
      <Test opened={testing} onClose={() => setTesting(false)} draft={draft} />
    </Paper>
  );
}

/** "“Autumn” goes by email to 962 people now." */
function Sentence({ draft, when, known }: { draft: Draft; when: When; known: ReturnType<typeof useKnown> }) {
  const { t } = useTranslation();
  const template = known.chosen[0]?.template;
  if (!known.count || !template)
    return (
      <Text size="sm" c="dimmed">
        {t("campaigns.sentenceLater")}
      </Text>
    );
  const moment =
    when.kind === "now"
      ? t("campaigns.momentNow")
      : when.kind === "at"
        ? when.at && t("campaigns.momentAt", { time: dateTime(when.at) })
        : t("campaigns.momentLocal", { time: when.at.replace("T", " ") });
  return (
    <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
      {t("campaigns.sentence", {
        count: known.count.recipients,
        number: number(known.count.recipients),
        template: template.name,
        channels: known.channels
          .map((name) => t(`campaigns.channels.${name}`))
          .join(` ${t("campaigns.thenBy")} `),
        sender: draft.from_name || known.senders[0]?.from_name || known.senders[0]?.name || "–",
        moment,
      })}
    </Text>
  );
}

function Lines({ rows }: { rows: [string, number][] }) {
  return (
    <Stack gap={2}>
      {rows.map(([label, many]) => (
        <Group key={label} justify="space-between" wrap="nowrap">
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {label}
          </Text>
          <Text size="sm" style={{ fontVariantNumeric: "tabular-nums" }}>
            {number(many)}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}

function CallOff({ campaign }: { campaign: Campaign }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <Button
      variant="subtle"
      color="red"
      onClick={() =>
        confirm({
          title: t("campaigns.callOffAsk"),
          text: t("campaigns.callOffText"),
          act: t("campaigns.callOff"),
          onYes: () =>
            void ask(
              api.POST("/syncom/v1/campaigns/{campaign_id}/cancel", {
                params: { path: { campaign_id: campaign.campaign_id } },
              }),
            )
              .then(() => client.invalidateQueries({ queryKey: ["campaign"] }))
              .catch(tellFailed),
        })
      }
    >
      {t("campaigns.callOff")}
    </Button>
  );
}

function Test({ opened, onClose, draft }: { opened: boolean; onClose: () => void; draft: Draft }) {
  const { t } = useTranslation();
  const { data } = useSession();
  const own = data?.actor.includes("@") ? data.actor : "";
  const way = draft.ways[0];
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { to: own },
    fieldOf: (field) => (field.startsWith("recipients") || field.startsWith("to") ? "to" : field),
    send: ({ to }) =>
      ask(
        api.POST("/syncom/v1/templates/{template_id}/test-send", {
          params: { path: { template_id: way?.template_id ?? 0 } },
          body: {
            to: to.split(/[\s,;]+/).filter((one) => one !== ""),
            sender_id: way?.sender_id ?? null,
          },
        }),
      ),
    onDone: (_, { to }) => {
      tellDone(t("campaigns.testSent", { to }));
      onClose();
    },
  });
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("campaigns.test")}
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <form onSubmit={submit}>
        <Stack>
          {failure !== undefined && <Failed error={failure} />}
          <TextInput
            label={t("campaigns.testTo")}
            description={t("campaigns.testToHint")}
            required
            {...form.getInputProps("to")}
          />
          <Group justify="flex-end">
            <Button type="submit" loading={sending}>
              {t("campaigns.testSend")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
