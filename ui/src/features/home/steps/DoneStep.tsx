import { Alert, Button, Group, Loader, Stack, Text, Title } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import type { WelcomeSearch } from "../search";

/** States in which nothing more comes. */
const OVER = ["finished", "cancelled", "failed", "paused"];

export function DoneStep({ search, onOut }: { search: WelcomeSearch; onOut: () => void }) {
  const { t } = useTranslation();
  const id = search.campaign ?? 0;
  const campaign = useQuery({
    queryKey: ["campaign", id, "welcome"],
    queryFn: () =>
      ask(api.GET("/syncom/v1/campaigns/{campaign_id}", { params: { path: { campaign_id: id } } })),
    refetchInterval: ({ state }) => (state.data && OVER.includes(state.data.state) ? false : 700),
  });
  const { data } = campaign;
  const isOver = data !== undefined && OVER.includes(data.state);
  const sent = data?.state === "finished";
  return (
    <Stack>
      <Title order={2} size="h3">
        {sent ? t("welcome.done.sent") : isOver ? t("welcome.done.stopped") : t("welcome.done.sending")}
      </Title>
      {campaign.isError && <Failed error={campaign.error} retry={() => void campaign.refetch()} />}
      {!isOver && !campaign.isError && <Loader aria-label={t("welcome.done.sending")} />}
      {isOver && !sent && <Alert color="orange">{data.problem || t("welcome.done.why")}</Alert>}
      {sent && (
        <Alert color="teal" icon={<IconCircleCheck aria-hidden />}>
          {t("welcome.done.people", { count: data.audience_size })}
        </Alert>
      )}
      {sent && (
        <Arrived campaign={id} launched={data.launched_at ?? data.created_at} sender={search.sender} />
      )}
      <Group>
        <Button onClick={onOut}>{t("welcome.toHome")}</Button>
        <Button variant="default" renderRoot={(props) => <Link {...props} to={`/campaigns/${id}` as "/"} />}>
          {t("welcome.done.report")}
        </Button>
      </Group>
    </Stack>
  );
}

/** The mail as it came to the dev inbox. */
function Arrived({ campaign, launched, sender }: { campaign: number; launched: string; sender?: number }) {
  const { t } = useTranslation();
  const may = useMay("operate");
  const mail = useQuery({
    queryKey: ["inbox", "welcome", campaign],
    enabled: may,
    queryFn: async () => {
      const senders = await ask(api.GET("/syncom/v1/senders"));
      if (senders.items.find((one) => one.sender_id === sender)?.kind !== "inbox")
        return "elsewhere" as const;
      const recipients = await ask(
        api.GET("/syncom/v1/campaigns/{campaign_id}/recipients", {
          params: { path: { campaign_id: campaign }, query: { limit: 1 } },
        }),
      );
      const to = recipients.items[0]?.address;
      if (!to) return null;
      const found = await ask(api.GET("/syncom/v1/inbox", { params: { query: { to, limit: 1 } } }));
      const newest = found.items[0];
      return newest && newest.received_at >= launched ? newest : null;
    },
    refetchInterval: ({ state }) => (state.data ? false : 1000),
  });
  if (!mail.data || mail.data === "elsewhere") return null;
  return (
    <>
      <Text size="sm">{t("welcome.done.arrived", { to: mail.data.to, subject: mail.data.subject })}</Text>
      <MailFrame src={`/inbox/${mail.data.inbox_id}/html`} title={t("welcome.done.mail")} height={460} />
    </>
  );
}
