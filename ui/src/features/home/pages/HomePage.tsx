import { Anchor, Paper, SimpleGrid, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { usePlaces } from "~/app/Shell";
import { Page } from "~/ui/Page";

export function HomePage() {
  const { t } = useTranslation();
  const places = usePlaces().flatMap((section) => section.places.filter((place) => place.path !== "/"));
  return (
    <Page title={t("nav.home")}>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {places.map((place) => (
          <Paper key={place.path} withBorder p="md">
            <place.icon size={22} aria-hidden />
            <Text fw={600} mt={6}>
              <Anchor renderRoot={(props) => <Link {...props} to={place.path as "/"} />}>
                {t(`nav.${place.name}` as "nav.home")}
              </Anchor>
            </Text>
          </Paper>
        ))}
      </SimpleGrid>
    </Page>
  );
}
