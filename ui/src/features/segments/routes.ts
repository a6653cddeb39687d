import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import { newSearch, overlapSearch, rfmSearch, segmentSearch } from "./searches";

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments",
  component: lazyRouteComponent(() => import("./pages/SegmentsPage"), "SegmentsPage"),
});

const fresh = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments/new",
  validateSearch: newSearch,
  component: lazyRouteComponent(() => import("./pages/NewSegmentPage"), "NewSegmentPage"),
});

const overlap = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments/overlap",
  validateSearch: overlapSearch,
  component: lazyRouteComponent(() => import("./pages/OverlapPage"), "OverlapPage"),
});

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/segments/$id",
  validateSearch: segmentSearch,
  component: lazyRouteComponent(() => import("./pages/SegmentPage"), "SegmentPage"),
});

const rfm = createRoute({
  getParentRoute: () => rootRoute,
  path: "/rfm",
  validateSearch: rfmSearch,
  component: lazyRouteComponent(() => import("./pages/RfmPage"), "RfmPage"),
});

export const routes = [list, fresh, overlap, one, rfm] as const;
