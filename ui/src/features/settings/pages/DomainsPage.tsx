import {
  Alert,
  Badge,
  Button,
  Checkbox,
  Group,
  Paper,
  Stack,
  TagsInput,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconCheck, IconPlus, IconRefresh, IconWorldWww } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { domainsQuery } from "~/api/domains";
import type { DomainView } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { FormDialog } from "~/ui/FormDialog";
import { date } from "~/ui/format";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { Records } from "../parts/Records";
import { SettingsPage } from "../parts/SettingsPage";

export function DomainsPage() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const domains = useQuery(domainsQuery);
  const [adding, setAdding] = useState(false);
  const add = may && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t("domains.add")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("settings.places.domains.title")}
      soft={t("settings.places.domains.soft")}
      actions={add}
    >
      {domains.isError && !domains.data && (
        <Failed error={domains.error} retry={() => void domains.refetch()} />
      )}
      {domains.data?.length === 0 && (
        <Empty icon={<IconWorldWww />} title={t("domains.none")} action={add}>
          {t("domains.noneHint")}
        </Empty>
      )}
      {domains.data?.map((domain) => (
        <Domain key={domain.domain_id} domain={domain} />
      ))}
      {adding && <DomainForm onClose={() => setAdding(false)} />}
    </SettingsPage>
  );
}

function Domain({ domain }: { domain: DomainView }) {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const [changing, setChanging] = useState(false);
  const path = { params: { path: { domain_id: domain.domain_id } } };
  const renews = [domainsQuery.queryKey];
  const check = useAct(() => ask(api.POST("/syncom/v1/domains/{domain_id}/check", path)), { renews });
  const rotate = useAct(() => ask(api.POST("/syncom/v1/domains/{domain_id}/rotate", path)), {
    renews,
    done: t("domains.rotated"),
  });
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/domains/{domain_id}", path)), {
    renews,
    done: t("domains.gone"),
  });
  const wrong = domain.findings.filter((one) => one.verdict === "missing" || one.verdict === "wrong").length;
  return (
    <Paper withBorder p="md" component="section" aria-label={domain.domain}>
      <Group justify="space-between" align="flex-start" mb="sm">
        <div>
          <Title order={2} style={{ overflowWrap: "anywhere" }}>
            {domain.domain}
          </Title>
          <Group gap={6} mt={4}>
            <Badge color={domain.verified ? "teal" : "yellow"}>
              {t(domain.verified ? "domains.verified" : "domains.unverified")}
            </Badge>
            {domain.signs && <Badge color="teal">{t("domains.signs")}</Badge>}
            {domain.checked_at && (
              <Text size="xs" c="dimmed">
                {t("domains.checked")} <Time at={domain.checked_at} relative />
              </Text>
            )}
          </Group>
        </div>
        {may && (
          <Group gap="xs">
            <Button
              leftSection={<IconRefresh size={16} aria-hidden />}
              loading={check.isPending}
              onClick={() => check.mutate()}
            >
              {t("domains.check")}
            </Button>
            <Button variant="default" onClick={() => setChanging(true)}>
              {t("domains.change")}
            </Button>
            <Button
              variant="default"
              loading={rotate.isPending}
              onClick={() =>
                confirm({
                  title: t("domains.rotate"),
                  text: t("domains.rotateAsk"),
                  act: t("domains.rotate"),
                  danger: false,
                  onYes: () => rotate.mutate(),
                })
              }
            >
              {t("domains.rotate")}
            </Button>
            <Button
              variant="light"
              color="red"
              onClick={() =>
                confirm({
                  title: t("domains.delete"),
                  text: t("domains.deleteAsk", { name: domain.domain }),
                  act: t("domains.delete"),
                  onYes: () => remove.mutate(),
                })
              }
            >
              {t("common.delete")}
            </Button>
          </Group>
        )}
      </Group>
      <Stack gap="sm">
        {domain.problem !== "" && <Alert color="yellow">{domain.problem}</Alert>}
        {domain.checked_at === null ? (
          <Alert color="blue">{t("domains.checkedNever")}</Alert>
        ) : wrong === 0 ? (
          <Alert color="teal" icon={<IconCheck aria-hidden />}>
            {t("domains.allGood")}
          </Alert>
        ) : (
          <Alert color="yellow">{t("domains.toMend", { count: wrong })}</Alert>
        )}
        <Records domain={domain} />
        <div>
          <Text size="sm" fw={600}>
            {t("domains.keys")}
          </Text>
          {domain.keys.map((key) => (
            <Text key={key.selector} size="sm">
              {key.selector} ({key.algorithm}):{" "}
              {key.state === "replaced" && key.record_until
                ? t("domains.keyStates.replaced", { until: date(key.record_until) })
                : t(`domains.keyStates.${key.state === "replaced" ? "replacedOnly" : key.state}`)}
            </Text>
          ))}
        </div>
      </Stack>
      {changing && <DomainForm domain={domain} onClose={() => setChanging(false)} />}
    </Paper>
  );
}

function DomainForm({ domain, onClose }: { domain?: DomainView; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      domain: domain?.domain ?? "",
      return_path: domain?.return_path ?? "",
      tracking_host: domain?.tracking_host ?? "",
      tracking_https: domain?.tracking_https ?? false,
      sending_ips: domain?.sending_ips ?? ([] as string[]),
    },
    fieldOf: (field) => field.replace(/^sending_ips\..*/, "sending_ips"),
    send: ({ domain: name, ...rest }) =>
      domain
        ? ask(
            api.PATCH("/syncom/v1/domains/{domain_id}", {
              params: { path: { domain_id: domain.domain_id } },
              body: rest,
            }),
          )
        : ask(api.POST("/syncom/v1/domains", { body: { domain: name, ...rest } })),
    onDone: () => {
      void client.invalidateQueries({ queryKey: domainsQuery.queryKey });
      tellDone(t("common.saved"));
      onClose();
    },
  });
  const act = domain ? t("common.save") : t("domains.add");
  return (
    <FormDialog
      title={domain?.domain ?? t("domains.add")}
      act={act}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      {!domain && (
        <TextInput
          label={t("domains.name")}
          description={t("domains.nameHint")}
          required
          data-autofocus
          {...form.getInputProps("domain")}
        />
      )}
      <TextInput
        label={t("domains.returnPath")}
        description={t("domains.returnPathHint")}
        {...form.getInputProps("return_path")}
      />
      <TextInput
        label={t("domains.tracking")}
        description={t("domains.trackingHint")}
        {...form.getInputProps("tracking_host")}
      />
      <Checkbox
        label={t("domains.trackingHttps")}
        {...form.getInputProps("tracking_https", { type: "checkbox" })}
      />
      <TagsInput
        label={t("domains.ips")}
        description={t("domains.ipsHint")}
        {...form.getInputProps("sending_ips")}
      />
    </FormDialog>
  );
}
