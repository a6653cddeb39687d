import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { calendarSearch, campaignSearch, compareSearch, listSearch, reportsSearch } from "./searches";

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

const calendar = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/calendar",
  validateSearch: calendarSearch,
  component: lazyRouteComponent(() => import("./pages/CalendarPage"), "CalendarPage"),
});

const compare = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/compare",
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import("./pages/ComparePage"), "ComparePage"),
});

const reports = createRoute({
  getParentRoute: () => rootRoute,
  path: "/reports",
  validateSearch: reportsSearch,
  component: lazyRouteComponent(() => import("./pages/ReportsPage"), "ReportsPage"),
});

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/campaigns/$id",
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import("./pages/CampaignPage"), "CampaignPage"),
});

export const routes = [list, fresh, calendar, compare, reports, one] as const;
