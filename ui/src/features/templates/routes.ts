import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { CHANNEL_NAMES, type ChannelName } from "~/api/channels";
import { rootRoute } from "~/app/root";

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const count = (value: unknown) => (Number.isSafeInteger(Number(value)) && value ? Number(value) : undefined);

function channel(value: unknown): ChannelName | undefined {
  return CHANNEL_NAMES.find((name) => name === value);
}

/** What is shown of a template. */
export const VIEWS = ["content", "text", "preview", "versions", "settings"] as const;
export type View = (typeof VIEWS)[number];

const list = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates",
  validateSearch: (given: Record<string, unknown>): { search?: string; channel?: ChannelName } => ({
    search: text(given.search),
    channel: channel(given.channel),
  }),
  component: lazyRouteComponent(() => import("./pages/TemplatesPage"), "TemplatesPage"),
});

const fresh = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates/new",
  validateSearch: (given: Record<string, unknown>): { channel?: ChannelName } => ({
    channel: channel(given.channel),
  }),
  component: lazyRouteComponent(() => import("./pages/NewTemplatePage"), "NewTemplatePage"),
});

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/templates/$id",
  validateSearch: (
    given: Record<string, unknown>,
  ): { view?: View; language?: string; contact?: number; version?: number } => ({
    view: VIEWS.find((view) => view === given.view),
    language: text(given.language),
    contact: count(given.contact),
    version: count(given.version),
  }),
  component: lazyRouteComponent(() => import("./pages/TemplatePage"), "TemplatePage"),
});

const images = createRoute({
  getParentRoute: () => rootRoute,
  path: "/images",
  validateSearch: (given: Record<string, unknown>): { search?: string } => ({ search: text(given.search) }),
  component: lazyRouteComponent(() => import("./pages/ImagesPage"), "ImagesPage"),
});

export const routes = [list, fresh, one, images] as const;
