import { Alert, Button, Group, Progress, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconDownload, IconUpload } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ImportStatus } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { number, percent } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { tellFailed } from "~/ui/tell";
import { importQuery, renewContacts } from "../queries";

export function ImportPage() {
  const { t } = useTranslation();
  const id = Number(useParams({ from: "/imports/$id" }).id);
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const status = useQuery(importQuery(id));
  const state = status.data?.state;
  const runs = state === "queued" || state === "running";
  useEffect(() => {
    if (state === "finished") renewContacts(client);
  }, [state, client]);
  const cancel = useMutation({
    mutationFn: () =>
      ask(api.POST("/syncom/v1/imports/{import_id}/cancel", { params: { path: { import_id: id } } })),
    onSuccess: (now) => client.setQueryData(importQuery(id).queryKey, now),
    onError: tellFailed,
  });
  const crumbs = [
    { label: t("nav.contacts"), to: "/contacts" as const },
    { label: t("imports.title"), to: "/imports" as const },
  ];
  if (!status.data)
    return (
      <Page title={t("imports.title")} crumbs={crumbs}>
        {status.error ? (
          <Failed error={status.error} retry={() => void status.refetch()} />
        ) : (
          <Skeleton height={120} radius="lg" />
        )}
      </Page>
    );
  const one = status.data;
  return (
    <Page
      title={one.file_name}
      crumbs={crumbs}
      soft={
        <>
          {t(`imports.states.${one.state}`)} · <Time at={one.created_at} relative />
        </>
      }
      actions={
        <>
          {runs && mayWrite && (
            <Button variant="default" loading={cancel.isPending} onClick={() => cancel.mutate()}>
              {t("imports.stop")}
            </Button>
          )}
          {!runs && (
            <Button variant="default" renderRoot={(props) => <Link {...props} to="/contacts" />}>
              {t("imports.seeContacts")}
            </Button>
          )}
        </>
      }
    >
      {runs && <Running status={one} />}
      {one.problem !== "" && (
        <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("imports.stopped")}>
          {one.problem}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, sm: 5 }}>
        {(["rows_done", "created", "updated", "unchanged", "failed"] as const).map((name) => (
          <Figure key={name} label={t(`imports.counts.${name}`)} value={number(one[name])} />
        ))}
      </SimpleGrid>
      {one.failed > 0 && (
        <Alert
          color="yellow"
          icon={<IconAlertTriangle aria-hidden />}
          title={t("imports.failedRows", { count: one.failed, shown: number(one.failed) })}
        >
          <Stack gap="xs" align="flex-start">
            <Text size="sm">{t("imports.failedNext")}</Text>
            <Group>
              <Button
                size="xs"
                variant="light"
                component="a"
                href={`/syncom/v1/imports/${id}/errors`}
                download
                leftSection={<IconDownload size={16} aria-hidden />}
              >
                {t("imports.errorFile")}
              </Button>
              {mayWrite && (
                <Button
                  size="xs"
                  variant="subtle"
                  leftSection={<IconUpload size={16} aria-hidden />}
                  renderRoot={(props) => <Link {...props} to="/imports/new" />}
                >
                  {t("imports.again")}
                </Button>
              )}
            </Group>
          </Stack>
        </Alert>
      )}
    </Page>
  );
}

function Running({ status }: { status: ImportStatus }) {
  const { t } = useTranslation();
  const share = status.bytes_total ? Math.min(1, status.bytes_done / status.bytes_total) : 0;
  const seconds = status.started_at ? (Date.now() - new Date(status.started_at).getTime()) / 1000 : 0;
  const speed = seconds > 0 ? status.rows_done / seconds : 0;
  return (
    <Stack gap={4} role="status" aria-live="polite">
      <Progress value={share * 100} animated size="lg" aria-label={t("imports.progress")} />
      <Text size="sm" c="dimmed">
        {status.state === "queued"
          ? t("imports.waits")
          : t("imports.speed", {
              share: percent(share, 0),
              rows: number(status.rows_done),
              speed: number(speed, { maximumFractionDigits: 0 }),
            })}
      </Text>
    </Stack>
  );
}
