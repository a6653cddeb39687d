import { Alert, Skeleton, Table } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { useServerForm } from "~/ui/useServerForm";
import type { StepProps } from "../pages/WelcomePage";
import { Step } from "./Step";

export function SendStep({ search, go }: StepProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { list = 0, template = 0, sender } = search;
  const summary = useQuery({
    queryKey: ["campaign", "welcome", list, template, sender],
    queryFn: async () => {
      const [mail, senders, audience] = await Promise.all([
        ask(api.GET("/syncom/v1/templates/{template_id}", { params: { path: { template_id: template } } })),
        ask(api.GET("/syncom/v1/senders")),
        ask(
          api.POST("/syncom/v1/campaigns/audience", {
            params: { query: { template } },
            body: { lists: [list] },
          }),
        ),
      ]);
      return { mail, from: senders.items.find((one) => one.sender_id === sender), audience };
    },
  });
  const { submit, sending, failure } = useServerForm({
    initialValues: {},
    send: async (): Promise<number> => {
      // Made once, even if starting it fails and is tried again.
      const id =
        search.campaign ??
        (
          await ask(
            api.POST("/syncom/v1/campaigns", {
              body: {
                name: t("welcome.send.name"),
                template_id: template,
                sender_id: sender ?? null,
                audience: { lists: [list] },
              },
            }),
          )
        ).campaign_id;
      await ask(
        api.POST("/syncom/v1/campaigns/{campaign_id}/start", { params: { path: { campaign_id: id } } }),
      );
      return id;
    },
    onDone: (campaign) => {
      void client.invalidateQueries({ queryKey: ["campaign"] });
      go({ ...search, step: "done", campaign });
    },
  });
  const from = summary.data?.from;
  return (
    <Step
      title={t("welcome.send.title")}
      text={t("welcome.send.text")}
      act={t("welcome.send.act")}
      busy={sending || summary.isPending}
      onSubmit={submit}
      onBack={() => go({ ...search, step: "email" })}
    >
      {failure !== undefined && <Failed error={failure} />}
      {summary.isError && <Failed error={summary.error} retry={() => void summary.refetch()} />}
      {summary.isPending && <Skeleton height={120} />}
      {summary.data && (
        <Table variant="vertical" layout="fixed">
          <Table.Tbody>
            <Row label={t("welcome.send.to")}>
              {t("welcome.send.people", {
                count: summary.data.audience.recipients,
                number: number(summary.data.audience.recipients),
              })}
            </Row>
            <Row label={t("welcome.send.from")}>
              {from ? `${from.from_name} <${from.from_email}>` : t("welcome.send.byDefault")}
            </Row>
            <Row label={t("welcome.email.subject")}>{summary.data.mail.subject}</Row>
          </Table.Tbody>
        </Table>
      )}
      {from?.kind === "inbox" && <Alert color="gray">{t("welcome.send.inbox")}</Alert>}
    </Step>
  );
}

function Row({ label, children }: { label: string; children: string }) {
  return (
    <Table.Tr>
      <Table.Th w={140}>{label}</Table.Th>
      <Table.Td dir="auto" style={{ overflowWrap: "anywhere" }}>
        {children}
      </Table.Td>
    </Table.Tr>
  );
}
