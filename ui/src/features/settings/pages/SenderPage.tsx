import { Alert, Badge, Button, Group, Paper, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Sender } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { Destinations } from "../parts/Destinations";
import { SenderForm } from "../parts/SenderForm";
import { isResting, SenderState } from "../parts/SenderState";
import { WarmUp } from "../parts/WarmUp";
import { senderQuery } from "../queries";
import { CHANNELS, TEXTS } from "../senders";

export function SenderPage() {
  const { t } = useTranslation();
  const { senderId } = useParams({ strict: false }) as { senderId: string };
  const found = useQuery(senderQuery(Number(senderId)));
  const may = useMay("manage_settings");
  const [changing, setChanging] = useState(false);
  const sender = found.data?.sender;
  return (
    <Page
      title={sender?.name ?? t("settings.places.senders.title")}
      soft={
        sender &&
        `${t(`senders.kinds.${sender.kind}`)} · ${t(`senders.channels.${CHANNELS[sender.channel] ?? "email"}`)}`
      }
      crumbs={[
        { label: t("nav.settings"), to: "/settings" as "/" },
        { label: t("settings.places.senders.title"), to: "/settings/senders" as "/" },
      ]}
      actions={
        sender &&
        may && (
          <>
            <Delete sender={sender} />
            <Button onClick={() => setChanging(true)}>{t("common.edit")}</Button>
          </>
        )
      }
    >
      {found.isError && !found.data && <Failed error={found.error} retry={() => void found.refetch()} />}
      {sender && (
        <>
          {isResting(sender) && (
            <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("senders.resting")}>
              {sender.problem} {t("senders.restingUntil")} <Time at={sender.paused_until ?? ""} />.
            </Alert>
          )}
          <Summary sender={sender} />
          {may && isTryable(sender) && <Test sender={sender} />}
          {TEXTS.has(sender.kind) && <Texts sender={sender} mayManage={may} />}
          {sender.channel === 1 && <WarmUp senderId={sender.sender_id} />}
          {sender.channel === 1 && <Destinations senderId={sender.sender_id} />}
          {changing && (
            <SenderForm
              preset={{ key: sender.kind, kind: sender.kind }}
              stored={sender}
              etag={found.data?.etag}
              onClose={() => {
                setChanging(false);
                void found.refetch();
              }}
            />
          )}
        </>
      )}
    </Page>
  );
}

/** Web push and groups are tried otherwise; the dev inbox of texts takes everything. */
function isTryable(sender: Sender): boolean {
  return sender.kind !== "webpush" && sender.kind !== "group";
}

function Summary({ sender }: { sender: Sender }) {
  const { t } = useTranslation();
  const { config } = sender;
  const server = config.smpp ?? (config.host ? config : undefined);
  const facts: [string, React.ReactNode][] = [
    [t("senders.state"), <SenderState key="state" sender={sender} />],
    [
      t("senders.from"),
      <span key="from" dir="auto">
        {[sender.from_name, sender.from_email].filter(Boolean).join(" · ") ||
          (config.twilio ?? config.vonage ?? config.smpp ?? config.gateway)?.names?.join(", ") ||
          "–"}
      </span>,
    ],
    [t("senders.replyTo"), sender.reply_to || "–"],
    [t("senders.server"), server ? `${server.host}:${server.port}` : (config.gateway?.sms.url ?? "–")],
    [t("senders.rate"), config.rate_per_second ? number(config.rate_per_second) : t("senders.unlimited")],
    [t("senders.connections"), number(config.max_connections ?? 10)],
  ];
  return (
    <Paper withBorder p="md">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
        {facts.map(([label, value]) => (
          <div key={label} style={{ minWidth: 0 }}>
            <Text size="xs" c="dimmed">
              {label}
            </Text>
            <Text size="sm" component="div" style={{ overflowWrap: "anywhere" }}>
              {value}
            </Text>
          </div>
        ))}
      </SimpleGrid>
      {sender.is_default && (
        <Badge mt="sm" color="gray">
          {t("senders.default")}
        </Badge>
      )}
    </Paper>
  );
}

function Delete({ sender }: { sender: Sender }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const remove = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/senders/{sender_id}", {
          params: { path: { sender_id: sender.sender_id } },
        }),
      ),
    {
      renews: [["sender"]],
      done: t("senders.gone"),
      onDone: () => void navigate({ to: "/settings/senders" as "/" }),
    },
  );
  return (
    <Button
      variant="light"
      color="red"
      onClick={() =>
        confirm({
          title: t("senders.delete"),
          text: t("senders.deleteAsk", { name: sender.name }),
          act: t("senders.delete"),
          onYes: () => remove.mutate(),
        })
      }
    >
      {t("common.delete")}
    </Button>
  );
}

function Test({ sender }: { sender: Sender }) {
  const { t } = useTranslation();
  const [reply, setReply] = useState<string>();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { to: "" },
    send: (body) => {
      setReply(undefined);
      return ask(
        api.POST("/syncom/v1/senders/{sender_id}/test", {
          params: { path: { sender_id: sender.sender_id } },
          body,
        }),
      );
    },
    onDone: (answer) => setReply(answer.reply),
  });
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("senders.test")}
      </Title>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Group align="flex-end" gap="sm">
            <TextInput
              label={t(sender.channel === 1 ? "senders.testTo" : "senders.testPhone")}
              required
              w={320}
              maw="100%"
              {...form.getInputProps("to")}
            />
            <Button type="submit" loading={sending} leftSection={<IconSend size={16} aria-hidden />}>
              {t("senders.sendTest")}
            </Button>
          </Group>
          {reply !== undefined && (
            <Alert color="teal" icon={<IconCheck aria-hidden />} title={t("senders.took")} role="status">
              {reply}
            </Alert>
          )}
          {failure !== undefined && <Failed error={failure} />}
        </Stack>
      </form>
    </Paper>
  );
}

/** Of a sender of texts: what its provider is to be told, and what it said. */
function Texts({ sender, mayManage }: { sender: Sender; mayManage: boolean }) {
  const { t } = useTranslation();
  const path = { params: { path: { sender_id: sender.sender_id } } };
  const callbacks = useQuery({
    queryKey: ["sender", sender.sender_id, "callbacks"],
    queryFn: () => ask(api.GET("/syncom/v1/senders/{sender_id}/callbacks", path)),
    enabled: mayManage,
  });
  const receipts = useQuery({
    queryKey: ["sender", sender.sender_id, "receipts"],
    queryFn: () => ask(api.GET("/syncom/v1/senders/{sender_id}/receipts", path)),
  });
  const counts = Object.entries(receipts.data?.counts ?? {});
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        {callbacks.data && (
          <div>
            <Title order={2}>{t("senders.callbacks")}</Title>
            <Text size="sm" c="dimmed" mb="xs">
              {t("senders.callbacksHint")}
            </Text>
            {(["receipts", "texts"] as const).map((name) => (
              <div key={name}>
                <Text size="xs" c="dimmed">
                  {t(`senders.callback.${name}`)}
                </Text>
                {callbacks.data[name] ? <Copy text={callbacks.data[name]} /> : t("senders.noPublic")}
              </div>
            ))}
          </div>
        )}
        <div>
          <Title order={2}>{t("senders.receipts")}</Title>
          {counts.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("senders.noReceipts")}
            </Text>
          ) : (
            <Text size="sm">
              {counts
                .map(
                  ([state, count]) =>
                    `${t(`senders.receiptStates.${state as "delivered"}`)}: ${number(count)}`,
                )
                .join(" · ")}
            </Text>
          )}
        </div>
      </Stack>
    </Paper>
  );
}
