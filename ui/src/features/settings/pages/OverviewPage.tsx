import { Anchor, Group, Paper, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { Link, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Permission } from "~/api/schema";
import { useSession } from "~/api/session";
import { Page } from "~/ui/Page";
import { groups } from "../places";

export function OverviewPage() {
  const { t } = useTranslation();
  const { data } = useSession();
  const there = useRouter().routesByPath as Record<string, unknown>;
  const may = (needs: Permission | undefined) => !needs || (data?.permissions.includes(needs) ?? false);
  return (
    <Page title={t("nav.settings")}>
      {groups.map((group) => {
        const places = group.places.filter((place) => place.path in there && may(place.needs));
        if (places.length === 0) return null;
        return (
          <Stack key={group.name} gap="xs">
            <Title order={2}>{t(`settings.groups.${group.name}`)}</Title>
            <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm">
              {places.map((place) => (
                <Paper key={place.path} withBorder p="md" pos="relative">
                  <Group wrap="nowrap" align="flex-start" gap="sm">
                    <ThemeIcon variant="light" size={36} aria-hidden>
                      <place.icon size={20} />
                    </ThemeIcon>
                    <div style={{ minWidth: 0 }}>
                      <Anchor fw={600} renderRoot={(props) => <Link {...props} to={place.path as "/"} />}>
                        {t(`settings.places.${place.name}.title`)}
                      </Anchor>
                      <Text size="sm" c="dimmed">
                        {t(`settings.places.${place.name}.soft`)}
                      </Text>
                    </div>
                  </Group>
                </Paper>
              ))}
            </SimpleGrid>
          </Stack>
        );
      })}
    </Page>
  );
}
