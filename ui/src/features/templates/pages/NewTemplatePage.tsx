import {
  Badge,
  Button,
  Group,
  Paper,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Text,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { IconBell, IconCode, IconMessage, IconMessageCircle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type ChannelName, numberOf } from "~/api/channels";
import { api, ask } from "~/api/client";
import type { TemplateInput } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import { Page } from "~/ui/Page";
import { WRITTEN } from "../channels";
import { usePreview } from "../parts/preview";
import { contentOf } from "../queries";
import { type Begun, STARTERS, type Starter, starter } from "../starters";

const route = getRouteApi("/templates/new");

export function NewTemplatePage() {
  const { t, i18n } = useTranslation();
  const go = useNavigate();
  const channel = route.useSearch().channel ?? "email";
  const create = useMutation({
    mutationFn: (body: TemplateInput) => ask(api.POST("/syncom/v1/templates", { body })),
    onSuccess: (made) =>
      void go({ to: "/templates/$id", params: { id: String(made.template_id) }, replace: true }),
  });
  const blocks = (begun: Begun) =>
    create.mutate({ ...begun, format: "mjml", members: { editor: "blocks" }, language: i18n.language });
  const busy = create.isPending;
  return (
    <Page
      title={t("templates.addTitle")}
      soft={t("templates.addAbout")}
      crumbs={[{ label: t("nav.templates"), to: "/templates" }]}
    >
      <Group>
        <SegmentedControl
          value={channel}
          onChange={(value) =>
            void go({ to: "/templates/new", search: { channel: value as ChannelName }, replace: true })
          }
          aria-label={t("templates.channel")}
          data={WRITTEN.map((name) => ({ value: name, label: t(`templates.channels.${name}`) }))}
        />
      </Group>
      {create.isError && <Failed error={create.error} />}
      {channel === "email" ? (
        <>
          <Title order={2}>{t("templates.beginFrom")}</Title>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 4 }}>
            {STARTERS.map((kind) => (
              <Design key={kind} kind={kind} disabled={busy} onChoose={blocks} />
            ))}
            <Design kind="blank" disabled={busy} onChoose={blocks} />
            <Choice
              icon={<IconCode size={34} aria-hidden />}
              title={t("templates.ownHtml")}
              text={t("templates.ownHtmlText")}
              disabled={busy}
              onChoose={() =>
                create.mutate({
                  name: t("templates.untitled"),
                  subject: t("templates.untitledSubject"),
                  source: htmlPage(t("templates.starters.blank.text"), t("templates.starters.unsubscribe")),
                  format: "html",
                  members: { editor: "code" },
                  language: i18n.language,
                })
              }
            />
          </SimpleGrid>
        </>
      ) : (
        <Paper withBorder p="xl" maw={560}>
          <Stack align="flex-start">
            {channel === "webpush" ? (
              <IconBell size={34} aria-hidden />
            ) : channel === "viber" ? (
              <IconMessageCircle size={34} aria-hidden />
            ) : (
              <IconMessage size={34} aria-hidden />
            )}
            <Text>{t(`templates.begin.${channel as "sms" | "viber" | "webpush"}`)}</Text>
            <Button
              loading={busy}
              onClick={() =>
                create.mutate({
                  name: t("templates.untitled"),
                  subject: channel === "webpush" ? t("templates.untitledSubject") : "",
                  source: t("templates.firstText"),
                  format: "text",
                  channel: numberOf(channel),
                  language: i18n.language,
                })
              }
            >
              {t("templates.start")}
            </Button>
          </Stack>
        </Paper>
      )}
    </Page>
  );
}

/** A design as it looks, made by the server. */
function Design({
  kind,
  disabled,
  onChoose,
}: {
  kind: Starter;
  disabled: boolean;
  onChoose: (begun: Begun) => void;
}) {
  const { t } = useTranslation();
  const begun = starter(kind, t);
  const preview = usePreview(contentOf({ ...begun, format: "mjml" }), undefined);
  const url = preview.data?.url ? new URL(preview.data.url, window.location.href).pathname : undefined;
  return (
    <UnstyledButton onClick={() => onChoose(begun)} disabled={disabled}>
      <Paper withBorder p="sm" h="100%">
        <div
          aria-hidden
          inert
          style={{ height: 240, overflow: "hidden", pointerEvents: "none", borderRadius: 8 }}
        >
          {url && (
            <div
              style={{
                width: 620,
                transform: "scale(0.345)",
                transformOrigin: "top left",
                marginLeft: "calc(50% - 107px)",
              }}
            >
              <MailFrame src={url} title={begun.name} width={620} height={700} />
            </div>
          )}
        </div>
        <Group justify="space-between" mt="xs" wrap="nowrap">
          <Text fw={600} size="sm">
            {begun.name}
          </Text>
          <Badge color="gray" tt="none">
            {t("templates.blocks")}
          </Badge>
        </Group>
      </Paper>
    </UnstyledButton>
  );
}

function Choice({
  icon,
  title,
  text,
  disabled,
  onChoose,
}: {
  icon: React.ReactNode;
  title: string;
  text: string;
  disabled: boolean;
  onChoose: () => void;
}) {
  return (
    <UnstyledButton onClick={onChoose} disabled={disabled}>
      <Paper withBorder p="md" h="100%">
        <Stack h="100%" justify="center" align="center" gap="xs">
          {icon}
          <Text fw={600} size="sm">
            {title}
          </Text>
          <Text size="sm" c="dimmed" ta="center">
            {text}
          </Text>
        </Stack>
      </Paper>
    </UnstyledButton>
  );
}

function htmlPage(words: string, leave: string): string {
  return `<!doctype html>
<html>
  <body style="font-family: Helvetica, Arial, sans-serif; color: #1f2430">
    <p>${words}</p>
    <p style="font-size: 12px"><a href="{{ unsubscribe_url }}">${leave}</a></p>
  </body>
</html>
`;
}
