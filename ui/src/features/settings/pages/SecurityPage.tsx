import { Alert, Badge, Button, Group, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { IconShieldCheck, IconShieldLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { OpenSession } from "~/api/schema";
import { useSession } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Failed } from "~/ui/Failed";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { browserOf } from "../browsers";
import { SettingsPage } from "../parts/SettingsPage";
import { type Deed, TwoFactorDialog } from "../parts/TwoFactorDialog";
import { sessionsQuery, twoFactorQuery } from "../queries";

export function SecurityPage() {
  const { t } = useTranslation();
  const session = useSession();
  return (
    <SettingsPage title={t("settings.places.security.title")} soft={t("settings.places.security.soft")}>
      {session.data?.must_enrol_two_factor && (
        <Alert color="yellow" icon={<IconShieldLock aria-hidden />} title={t("security.must")}>
          {t("security.mustHint")}
        </Alert>
      )}
      {/* A key has neither password nor sessions. */}
      {session.data?.user_id !== null && <TwoFactor />}
      {session.data?.user_id !== null && !session.data?.must_enrol_two_factor && (
        <>
          <Sessions />
          <Password />
        </>
      )}
    </SettingsPage>
  );
}

function TwoFactor() {
  const { t } = useTranslation();
  const status = useQuery(twoFactorQuery);
  const [deed, setDeed] = useState<Deed>();
  if (status.isPending) return null;
  if (status.isError && !status.data)
    return <Failed error={status.error} retry={() => void status.refetch()} />;
  const { enabled, enabled_at, recovery_codes_left: left, required_from } = status.data;
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t("security.twoFactor")}</Title>
        <Badge color={enabled ? "teal" : "gray"} leftSection={<IconShieldCheck size={14} aria-hidden />}>
          {enabled ? t("security.on") : t("security.off")}
        </Badge>
      </Group>
      <Text size="sm" mb="sm">
        {enabled ? t("security.codesLeft", { count: left }) : t("security.twoFactorHint")}{" "}
        {enabled && enabled_at && (
          <>
            {t("security.since")} <Time at={enabled_at} />.
          </>
        )}
      </Text>
      {required_from && !enabled && (
        <Alert color="yellow" mb="sm">
          {t("security.requiredFrom")} <Time at={required_from} />.
        </Alert>
      )}
      {enabled && left <= 3 && (
        <Alert color="yellow" mb="sm">
          {t("security.fewCodes")}
        </Alert>
      )}
      <Group gap="xs">
        {enabled ? (
          <>
            <Button variant="default" onClick={() => setDeed("renew")}>
              {t("security.renew")}
            </Button>
            <Button variant="light" color="red" onClick={() => setDeed("disable")}>
              {t("security.disable")}
            </Button>
          </>
        ) : (
          <Button onClick={() => setDeed("enable")}>{t("security.enable")}</Button>
        )}
      </Group>
      {deed && <TwoFactorDialog deed={deed} onClose={() => setDeed(undefined)} />}
    </Paper>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const sessions = useQuery(sessionsQuery);
  const renews = [sessionsQuery.queryKey];
  const others = useAct(() => ask(api.POST("/syncom/v1/sessions/end-others")), {
    renews,
    done: t("security.othersEnded"),
  });
  const columns = useMemo<Column<OpenSession>[]>(
    () => [
      {
        id: "agent",
        header: t("security.browser"),
        width: "2fr",
        cell: (one) => (
          <Group gap={6} wrap="nowrap">
            <span title={one.agent}>{browserOf(one.agent) || t("security.unknownBrowser")}</span>
            {one.current && <Badge color="teal">{t("security.thisOne")}</Badge>}
          </Group>
        ),
      },
      { id: "address", header: t("security.address"), cell: (one) => one.address || "–" },
      {
        id: "seen",
        header: t("security.seen"),
        cell: (one) => <Time at={one.last_seen_at} relative />,
      },
      {
        id: "since",
        header: t("security.signedIn"),
        width: "190px",
        cell: (one) => <Time at={one.created_at} />,
      },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "110px",
        cell: (one) => (one.current ? null : <EndSession session={one} />),
      },
    ],
    [t],
  );
  const rows = sessions.data?.items ?? [];
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2}>{t("security.sessions")}</Title>
        {rows.length > 1 && (
          <Button
            variant="light"
            color="red"
            size="xs"
            onClick={() =>
              confirm({
                title: t("security.endOthers"),
                text: t("security.endOthersAsk"),
                act: t("security.endOthers"),
                onYes: () => others.mutate(),
              })
            }
          >
            {t("security.endOthers")}
          </Button>
        )}
      </Group>
      <DataTable
        label={t("security.sessions")}
        columns={columns}
        rows={rows}
        rowKey={(one) => String(one.session_id)}
        {...listState(sessions)}
        height={360}
      />
    </Stack>
  );
}

function EndSession({ session }: { session: OpenSession }) {
  const { t } = useTranslation();
  const end = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/sessions/{session_id}", {
          params: { path: { session_id: session.session_id } },
        }),
      ),
    { renews: [sessionsQuery.queryKey], done: t("security.ended") },
  );
  return (
    <Button
      size="compact-xs"
      variant="light"
      color="red"
      loading={end.isPending}
      onClick={() => end.mutate()}
    >
      {t("security.end")}
    </Button>
  );
}

function Password() {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { current: "", new: "" },
    send: (body) => ask(api.POST("/syncom/v1/session/password", { body })),
    onDone: () => {
      tellDone(t("security.passwordChanged"));
      form.reset();
    },
  });
  return (
    <Paper withBorder p="md" maw={520}>
      <Title order={2} mb="xs">
        {t("security.password")}
      </Title>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <PasswordInput
            label={t("security.current")}
            autoComplete="current-password"
            required
            {...form.getInputProps("current")}
          />
          <PasswordInput
            label={t("security.new")}
            description={t("security.newHint")}
            autoComplete="new-password"
            required
            {...form.getInputProps("new")}
          />
          {failure !== undefined && <Failed error={failure} />}
          <Group>
            <Button type="submit" loading={sending}>
              {t("security.change")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
