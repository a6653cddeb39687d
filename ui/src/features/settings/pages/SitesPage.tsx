import {
  Alert,
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  Paper,
  Stack,
  Switch,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconBell, IconPlus, IconWorld } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { SeenSite } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";
import { sitesQuery } from "../queries";

export function SitesPage() {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const sites = useQuery(sitesQuery);
  const [adding, setAdding] = useState(false);
  const add = may && (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
      {t("settings.sites.add")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("settings.places.sites.title")}
      soft={t("settings.places.sites.soft")}
      actions={add}
    >
      {sites.isError && !sites.data && <Failed error={sites.error} retry={() => void sites.refetch()} />}
      {sites.data?.items.length === 0 && (
        <Empty icon={<IconWorld />} title={t("settings.sites.none")} action={add}>
          {t("settings.sites.noneHint")}
        </Empty>
      )}
      {sites.data?.items.map((site) => (
        <Site key={site.site_id} site={site} />
      ))}
      {sites.data && sites.data.items.length > 0 && <Push domain={sites.data.items[0]?.domain ?? ""} />}
      {adding && <AddSite onClose={() => setAdding(false)} />}
    </SettingsPage>
  );
}

function Site({ site }: { site: SeenSite }) {
  const { t } = useTranslation();
  const may = useMay("manage_settings");
  const change = useAct(
    (body: { strict?: boolean; clicks?: boolean }) =>
      ask(
        api.PUT("/syncom/v1/sites/{site_id}", {
          params: { path: { site_id: site.site_id } },
          body,
        }),
      ),
    { renews: [sitesQuery.queryKey], done: t("settings.sites.changed") },
  );
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} style={{ overflowWrap: "anywhere" }}>
            {site.domain}
          </Title>
          <Badge color={site.strict ? "teal" : "gray"}>
            {t(site.strict ? "settings.sites.strict" : "settings.sites.open")}
          </Badge>
        </Group>
        <div>
          <Text size="sm" mb={4}>
            {t("settings.sites.snippet")}
          </Text>
          <Copy text={site.snippet} block />
        </div>
        {may && (
          <Switch
            label={t("settings.sites.strictLabel")}
            description={t("settings.sites.strictHint")}
            checked={site.strict}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ strict: event.currentTarget.checked })}
          />
        )}
        {may && (
          <Switch
            label={t("settings.sites.clicks")}
            description={t("settings.sites.clicksHint")}
            checked={site.clicks}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ clicks: event.currentTarget.checked })}
          />
        )}
      </Stack>
    </Paper>
  );
}

function Push({ domain }: { domain: string }) {
  const { t } = useTranslation();
  return (
    <Alert icon={<IconBell aria-hidden />} title={t("settings.sites.push")}>
      <Text size="sm">{t("settings.sites.pushHint")}</Text>
      <Copy
        block
        text={`curl -u "any:KEY" -H "Content-Type: application/json" -d '{"domain": "${domain}", "serviceWorkerName": "push-sw.js", "serviceWorkerPath": "/", "serviceWorkerScope": "/"}' ${window.location.origin}/api/v1/site/webpush/domain`}
      />
      <Text size="sm" mt="xs">
        {t("settings.sites.pushThen")}
      </Text>
      <Copy text="es('pushOn')" />
      <Text size="sm" mt="xs">
        <Anchor size="sm" renderRoot={(props) => <Link {...props} to={"/settings/senders" as "/"} />}>
          {t("settings.places.senders.title")}
        </Anchor>
      </Text>
    </Alert>
  );
}

function AddSite({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { domain: "https://", strict: true },
    send: (body) => ask(api.POST("/syncom/v1/sites", { body })),
    onDone: () => {
      void client.invalidateQueries({ queryKey: sitesQuery.queryKey });
      tellDone(t("settings.sites.added"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t("settings.sites.add")}
      act={t("settings.sites.add")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("settings.sites.domain")}
        description={t("settings.sites.domainHint")}
        required
        data-autofocus
        {...form.getInputProps("domain")}
      />
      <Checkbox
        label={t("settings.sites.strictLabel")}
        description={t("settings.sites.strictHint")}
        {...form.getInputProps("strict", { type: "checkbox" })}
      />
    </FormDialog>
  );
}
