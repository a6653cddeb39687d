import { Button, Group } from "@mantine/core";
import { Link, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Permission } from "~/api/schema";
import { useSession } from "~/api/session";
import { Page, type PageProps } from "~/ui/Page";

const PLACES = [
  { path: "/integrations", name: "apps", needs: "read_settings" },
  { path: "/integrations/connections", name: "connections", needs: "read_settings" },
  { path: "/integrations/playground", name: "playground", needs: "read_settings" },
  { path: "/integrations/runs", name: "runs", needs: "read_activity" },
  { path: "/integrations/tokens", name: "tokens", needs: "manage_keys" },
] as const satisfies { path: string; name: string; needs: Permission }[];

/** A page of connected apps, with the way to the others. */
export function Frame({ children, ...page }: Omit<PageProps, "crumbs">) {
  const { t } = useTranslation();
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <Page {...page}>
      <Group component="nav" gap={4} aria-label={t("nav.integrations")}>
        {PLACES.filter((place) => session.data?.permissions.includes(place.needs)).map((place) => (
          <Button
            key={place.path}
            size="compact-md"
            variant={path === place.path ? "light" : "subtle"}
            color={path === place.path ? undefined : "gray"}
            aria-current={path === place.path ? "page" : undefined}
            renderRoot={(props) => <Link {...props} to={place.path} />}
          >
            {t(`integrations.places.${place.name}`)}
          </Button>
        ))}
      </Group>
      {children}
    </Page>
  );
}
