import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { campaignSearch, listSearch } from "./searches";

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns",
  validateSearch: listSearch,
  component: lazyRouteComponent(() => import("./pages/CampaignsPage"), "CampaignsPage"),
});

const fresh = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/new",
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import("./pages/NewCampaignPage"), "NewCampaignPage"),
});

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/$id",
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import("./pages/CampaignPage"), "CampaignPage"),
});

export const routes = [list, fresh, one] as const;
