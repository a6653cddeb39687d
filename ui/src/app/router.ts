import { createRouter } from "@tanstack/react-router";
import { routes as campaigns } from "~/features/campaigns/routes";
import { routes as contacts } from "~/features/contacts/routes";
import { routes as facts } from "~/features/facts/routes";
import { routes as home } from "~/features/home/routes";
import { routes as integrations } from "~/features/integrations/routes";
import { routes as segments } from "~/features/segments/routes";
import { routes as settings } from "~/features/settings/routes";
import { routes as templates } from "~/features/templates/routes";
import { routes as workflows } from "~/features/workflows/routes";
import { rootRoute } from "./root";

const routeTree = rootRoute.addChildren([
  ...home,
  ...contacts,
  ...segments,
  ...templates,
  ...campaigns,
  ...workflows,
  ...facts,
  ...integrations,
  ...settings,
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
