import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";
import {
  eventSearch,
  ordersSearch,
  productSearch,
  productsSearch,
  revenueSearch,
  sendSearch,
  typesSearch,
} from "./searches";

const events = createRoute({
  getParentRoute: () => rootRoute,
  path: "/events",
  validateSearch: typesSearch,
  component: lazyRouteComponent(() => import("./pages/EventsPage"), "EventsPage"),
});

const sending = createRoute({
  getParentRoute: () => rootRoute,
  path: "/events/send",
  validateSearch: sendSearch,
  component: lazyRouteComponent(() => import("./pages/SendEventPage"), "SendEventPage"),
});

const event = createRoute({
  getParentRoute: () => rootRoute,
  path: "/events/$id",
  validateSearch: eventSearch,
  component: lazyRouteComponent(() => import("./pages/EventTypePage"), "EventTypePage"),
});

const orders = createRoute({
  getParentRoute: () => rootRoute,
  path: "/orders",
  validateSearch: ordersSearch,
  component: lazyRouteComponent(() => import("./pages/OrdersPage"), "OrdersPage"),
});

const order = createRoute({
  getParentRoute: () => rootRoute,
  path: "/orders/$number",
  component: lazyRouteComponent(() => import("./pages/OrderPage"), "OrderPage"),
});

const revenue = createRoute({
  getParentRoute: () => rootRoute,
  path: "/revenue",
  validateSearch: revenueSearch,
  component: lazyRouteComponent(() => import("./pages/RevenuePage"), "RevenuePage"),
});

const products = createRoute({
  getParentRoute: () => rootRoute,
  path: "/products",
  validateSearch: productsSearch,
  component: lazyRouteComponent(() => import("./pages/ProductsPage"), "ProductsPage"),
});

const product = createRoute({
  getParentRoute: () => rootRoute,
  path: "/products/$id",
  validateSearch: productSearch,
  component: lazyRouteComponent(() => import("./pages/ProductPage"), "ProductPage"),
});

export const routes = [events, sending, event, orders, order, revenue, products, product] as const;
