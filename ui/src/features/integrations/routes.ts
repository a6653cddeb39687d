import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { texts } from "./search";

const apps = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations",
  validateSearch: texts("intent", "search"),
  component: lazyRouteComponent(() => import("./pages/AppsPage"), "AppsPage"),
});

const app = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/$connector",
  validateSearch: texts("search"),
  component: lazyRouteComponent(() => import("./pages/AppPage"), "AppPage"),
});

const connections = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/connections",
  // What the connect page says on the way back (`docs/membrane.md`).
  validateSearch: texts("connectionId", "error"),
  component: lazyRouteComponent(() => import("./pages/ConnectionsPage"), "ConnectionsPage"),
});

const connection = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/connections/$id",
  component: lazyRouteComponent(() => import("./pages/ConnectionPage"), "ConnectionPage"),
});

const playground = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/playground",
  validateSearch: texts("connection", "action"),
  component: lazyRouteComponent(() => import("./pages/PlaygroundPage"), "PlaygroundPage"),
});

const runs = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/runs",
  validateSearch: texts("connection", "status", "run"),
  component: lazyRouteComponent(() => import("./pages/RunsPage"), "RunsPage"),
});

const tokens = createRoute({
  getParentRoute: () => rootRoute,
  path: "/integrations/tokens",
  component: lazyRouteComponent(() => import("./pages/TokensPage"), "TokensPage"),
});

export const routes = [apps, app, connections, connection, playground, runs, tokens] as const;
