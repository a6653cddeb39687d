import { Anchor, Paper, SimpleGrid } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Place } from "~/app/places";

export function Places({ places }: { places: Place[] }) {
  const { t } = useTranslation();
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {places
        .filter((place) => place.path !== "/")
        .map((place) => (
          <Paper key={place.path} withBorder p="md">
            <place.icon size={22} aria-hidden />{" "}
            <Anchor renderRoot={(props) => <Link {...props} to={place.path as "/"} />}>
              {t(`nav.${place.name}` as "nav.home")}
            </Anchor>
          </Paper>
        ))}
    </SimpleGrid>
  );
}
