/** What definitions name by number, as people call it. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { campaignsQuery } from "~/api/campaigns";
import { fieldsQuery } from "~/api/fields";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { useMay } from "~/api/session";
import { templatesQuery } from "~/api/templates";
import { workflowsQuery } from "~/api/workflows";

export type Names = {
  template: (id: unknown) => string;
  segment: (id: unknown) => string;
  list: (id: unknown) => string;
  field: (key: unknown) => string;
  campaign: (id: unknown) => string;
  workflow: (id: unknown) => string;
};

/** Names by number; a thing that is gone, or not there yet, is `#7`. */
export function useNames(): Names {
  const content = useMay("read_content");
  const contacts = useMay("read_contacts");
  const settings = useMay("read_settings");
  const templates = useQuery({ ...templatesQuery, enabled: content }).data;
  const segments = useQuery({ ...segmentsQuery, enabled: contacts }).data;
  const lists = useQuery({ ...listsQuery, enabled: contacts }).data;
  const fields = useQuery({ ...fieldsQuery, enabled: settings }).data;
  const campaigns = useQuery(campaignsQuery).data;
  const workflows = useQuery(workflowsQuery).data;
  return useMemo(() => {
    const name = <Item>(
      all: readonly Item[] | undefined,
      id: unknown,
      is: (one: Item) => boolean,
      say: (one: Item) => string,
    ) => {
      if (all === undefined) return "…";
      const found = all.find(is);
      return found ? say(found) : `#${String(id ?? "?")}`;
    };
    return {
      template: (id) =>
        name(
          templates,
          id,
          (one) => one.template_id === id,
          (one) => one.name,
        ),
      segment: (id) =>
        name(
          segments,
          id,
          (one) => one.segment_id === id,
          (one) => one.name,
        ),
      list: (id) =>
        name(
          lists,
          id,
          (one) => one.list_id === id,
          (one) => one.name,
        ),
      field: (key) => fields?.find((one) => one.key === key)?.name ?? String(key ?? ""),
      campaign: (id) =>
        name(
          campaigns,
          id,
          (one) => one.campaign_id === id,
          (one) => one.name,
        ),
      workflow: (id) =>
        name(
          workflows,
          id,
          (one) => one.workflow_id === id,
          (one) => one.name,
        ),
    };
  }, [templates, segments, lists, fields, campaigns, workflows]);
}
