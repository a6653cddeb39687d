import {
  Alert,
  Anchor,
  Badge,
  Button,
  Card,
  Group,
  Paper,
  SimpleGrid,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlugConnected, IconSearch, IconSparkles } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { ConnectableApp, RankedAction } from "~/api/schema";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { usePages } from "~/ui/pages";
import { EffectOf } from "../parts/EffectOf";
import { Frame } from "../parts/Frame";
import { Logo } from "../parts/Logo";
import { intentQuery } from "../queries";

const route = getRouteApi("/integrations");

export function AppsPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const [intent, setIntent] = useState(search.intent ?? "");
  const [words, setWords] = useState(search.search ?? "");
  const [asked] = useDebouncedValue(intent.trim(), 350);
  const [found] = useDebouncedValue(words.trim(), 250);
  useEffect(() => {
    void navigate({
      to: "/integrations",
      search: { intent: asked || undefined, search: found || undefined },
      replace: true,
    });
  }, [asked, found, navigate]);
  return (
    <Frame title={t("nav.integrations")} soft={t("integrations.apps.soft")}>
      <Paper withBorder p="md">
        <TextInput
          size="md"
          label={t("integrations.apps.intent")}
          placeholder={t("integrations.apps.intentExample")}
          leftSection={<IconSparkles size={18} aria-hidden />}
          maxLength={200}
          value={intent}
          onChange={(event) => setIntent(event.currentTarget.value)}
        />
        {asked !== "" && <Ranked intent={asked} />}
      </Paper>
      <Group justify="space-between" align="flex-end">
        <Title order={2}>{t("integrations.apps.all")}</Title>
        <TextInput
          aria-label={t("integrations.apps.find")}
          placeholder={t("integrations.apps.find")}
          leftSection={<IconSearch size={16} aria-hidden />}
          maxLength={200}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      </Group>
      <Apps search={found} />
    </Frame>
  );
}

function Ranked({ intent }: { intent: string }) {
  const { t } = useTranslation();
  const ranked = useQuery(intentQuery(intent));
  if (ranked.isPending) return <Skeleton h={96} mt="md" aria-label={t("common.loading")} />;
  if (ranked.isError) return <Failed error={ranked.error} retry={() => void ranked.refetch()} />;
  if (ranked.data.items.length === 0)
    return (
      <Text mt="md" c="dimmed" size="sm">
        {t("integrations.apps.noAction")}
      </Text>
    );
  return (
    <Stack gap={4} mt="md" component="section" aria-label={t("integrations.apps.ranked")}>
      {ranked.data.note !== "" && (
        <Alert color="yellow" p="xs">
          {t("integrations.apps.wordsOnly")}
        </Alert>
      )}
      {ranked.data.items.map((one) => (
        <Suggestion key={one.action.action_id} ranked={one} />
      ))}
    </Stack>
  );
}

function Suggestion({ ranked }: { ranked: RankedAction }) {
  const { t } = useTranslation();
  return (
    <Group wrap="nowrap" gap="sm" py={4} align="flex-start">
      <div style={{ flex: 1, minWidth: 0 }}>
        <Anchor
          fw={600}
          size="sm"
          renderRoot={(props) =>
            ranked.connected ? (
              <Link {...props} to="/integrations/playground" search={{ action: ranked.action.action_id }} />
            ) : (
              <Link
                {...props}
                to="/integrations/$connector"
                params={{ connector: ranked.action.app_key }}
                search={{ search: ranked.action.key }}
              />
            )
          }
        >
          {ranked.action.name}
        </Anchor>
        <Text size="xs" c="dimmed" lineClamp={2}>
          {ranked.app_name}
          {ranked.action.description !== "" && ` · ${ranked.action.description}`}
        </Text>
      </div>
      <EffectOf action={ranked.action} />
      <Badge color={ranked.connected ? "teal" : "gray"} style={{ flexShrink: 0 }} visibleFrom="sm">
        {t(ranked.connected ? "integrations.apps.connected" : "integrations.apps.notConnected")}
      </Badge>
    </Group>
  );
}

function Apps({ search }: { search: string }) {
  const { t } = useTranslation();
  const apps = usePages<ConnectableApp>(["connection", "apps", search], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/integrations/apps", {
        params: { query: { search: search || undefined, cursor, limit: 60 } },
        signal,
      }),
    ),
  );
  if (apps.error) return <Failed error={apps.error} retry={apps.retry} />;
  if (apps.loading)
    return (
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} aria-busy="true">
        {Array.from({ length: 6 }, (_, index) => (
          <Skeleton key={index} h={112} radius="lg" />
        ))}
      </SimpleGrid>
    );
  if (apps.rows.length === 0)
    return (
      <Empty icon={<IconPlugConnected />} title={t("integrations.apps.none")}>
        {t("integrations.apps.noneHint")}
      </Empty>
    );
  return (
    <Stack>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {apps.rows.map((app) => (
          <AppCard key={app.key} app={app} />
        ))}
      </SimpleGrid>
      {apps.hasMore && (
        <Button variant="default" loading={apps.loadingMore} onClick={apps.more} mx="auto">
          {t("common.more")}
        </Button>
      )}
    </Stack>
  );
}

function AppCard({ app }: { app: ConnectableApp }) {
  const { t } = useTranslation();
  return (
    <Card withBorder radius="lg" padding="md">
      <Group wrap="nowrap" gap="sm" align="flex-start">
        <Logo name={app.name} logo={app.logo} />
        <div style={{ minWidth: 0, flex: 1 }}>
          <Anchor
            fw={600}
            style={{ overflowWrap: "anywhere" }}
            renderRoot={(props) => (
              <Link {...props} to="/integrations/$connector" params={{ connector: app.key }} />
            )}
          >
            {app.name}
          </Anchor>
          <Text size="sm" c="dimmed" lineClamp={2}>
            {app.description}
          </Text>
          <Group gap={4} mt={6}>
            {app.connections > 0 && (
              <Badge color="teal">{t("integrations.apps.connections", { count: app.connections })}</Badge>
            )}
            {app.categories.slice(0, 2).map((category) => (
              <Badge key={category} color="gray" tt="none">
                {category}
              </Badge>
            ))}
          </Group>
        </div>
      </Group>
    </Card>
  );
}
