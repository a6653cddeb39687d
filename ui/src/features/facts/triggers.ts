/** Which workflows begin with events of a type. */
import type { Workflow } from "~/api/schema";

/** What a site's pages report, as workflows call it (the server's workflows/watches.py). */
const PAGES: Readonly<Record<string, string>> = {
  page_view: "pageViewed",
  product_view: "productViewed",
  category_view: "productCategoryViewed",
  cart: "cartUpdated",
  purchase: "itemsPurchased",
  abandoned_cart: "AbandonedCart",
};

export function eventTypeOf(workflow: Workflow): string | undefined {
  const trigger = workflow.definition.trigger;
  if (trigger.type === "event") return trigger.event_type;
  if (trigger.type === "page") return PAGES[trigger.what];
  if (trigger.type === "order") return `order${trigger.status}`;
  return undefined;
}

/** Workflows by the type of events that starts them. */
export function startedBy(workflows: readonly Workflow[]): Map<string, Workflow[]> {
  const found = new Map<string, Workflow[]>();
  for (const workflow of workflows) {
    const type = eventTypeOf(workflow);
    if (type !== undefined) found.set(type, [...(found.get(type) ?? []), workflow]);
  }
  return found;
}
