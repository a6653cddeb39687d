import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { homeSearch, welcomeSearch } from "./search";

const home = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: homeSearch,
  component: lazyRouteComponent(() => import("./pages/HomePage"), "HomePage"),
});

const welcome = createRoute({
  getParentRoute: () => rootRoute,
  path: "/welcome",
  validateSearch: welcomeSearch,
  component: lazyRouteComponent(() => import("./pages/WelcomePage"), "WelcomePage"),
});

export const routes = [home, welcome] as const;
