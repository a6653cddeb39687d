import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "~/app/root";

const all = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows",
  component: lazyRouteComponent(() => import("./pages/WorkflowsPage"), "WorkflowsPage"),
});

const making = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows/new",
  component: lazyRouteComponent(() => import("./pages/NewWorkflowPage"), "NewWorkflowPage"),
});

const TABS = ["canvas", "people", "results", "calls", "versions"] as const;
const STATES = ["waiting", "paused", "finished", "failed", "left", "exited", "held_out"] as const;

/** What is looked at: a tab; on the canvas a part; of people those in a state, at a step, or behind it. */
export type WorkflowLook = {
  tab?: (typeof TABS)[number];
  /** On the canvas: `trigger`, `rules`, or the id of a step, whose form is open. */
  part?: string;
  state?: (typeof STATES)[number];
  step?: string;
  through?: string;
  version?: number;
  contact?: number;
  /** Of results: days, both included. */
  since?: string;
  until?: string;
};

const one = createRoute({
  getParentRoute: () => rootRoute,
  path: "/workflows/$id",
  validateSearch: (given: Record<string, unknown>): WorkflowLook => ({
    tab: TABS.find((tab) => tab === given.tab),
    part: text(given.part),
    state: STATES.find((state) => state === given.state),
    step: text(given.step),
    through: text(given.through),
    version: whole(given.version),
    contact: whole(given.contact),
    since: text(given.since),
    until: text(given.until),
  }),
  component: lazyRouteComponent(() => import("./pages/WorkflowPage"), "WorkflowPage"),
});

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
}

function whole(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

export const routes = [all, making, one] as const;
