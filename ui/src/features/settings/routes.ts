import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";

const overview = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/OverviewPage"), "OverviewPage"),
});

const account = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/account",
  component: lazyRouteComponent(() => import("./pages/AccountPage"), "AccountPage"),
});

const users = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/users",
  component: lazyRouteComponent(() => import("./pages/UsersPage"), "UsersPage"),
});

const keys = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/keys",
  component: lazyRouteComponent(() => import("./pages/KeysPage"), "KeysPage"),
});

const security = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings/security",
  component: lazyRouteComponent(() => import("./pages/SecurityPage"), "SecurityPage"),
});

export const routes = [overview, account, users, keys, security] as const;
