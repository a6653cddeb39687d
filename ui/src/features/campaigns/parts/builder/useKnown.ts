/** What the server knows about a draft: who would get it, by which channels, what is wrong with its messages. */
import { useDebouncedValue } from "@mantine/hooks";
import { useQueries, useQuery } from "@tanstack/react-query";
import { EMAIL } from "~/api/channels";
import { domainsQuery } from "~/api/domains";
import { sendersQuery } from "~/api/senders";
import { templatesQuery } from "~/api/templates";
import { channelName, reach } from "../../channels";
import { type Draft, namesSomebody } from "../../draft";
import { audienceQuery, findingsQuery } from "../../queries";

export function useKnown(draft: Draft) {
  const templates = useQuery(templatesQuery);
  const senders = useQuery(sendersQuery);
  const domains = useQuery(domainsQuery);
  const chosen = draft.ways.flatMap((way) => {
    const template = templates.data?.find((one) => one.template_id === way.template_id);
    return template ? [{ way, template, channel: template.channel }] : [];
  });
  const asked = JSON.stringify(draft.audience);
  const [settled] = useDebouncedValue(asked, 300);
  const names = chosen.map((one) => channelName(one.channel));
  const first = chosen[0]?.template.template_id;
  const audience = useQuery({
    ...audienceQuery(JSON.parse(settled), first, names),
    enabled: namesSomebody(JSON.parse(settled)),
    retry: false,
  });
  const ids = [...new Set(chosen.map((one) => one.template.template_id))];
  const findings = useQueries({ queries: ids.map((id) => findingsQuery(id)) });
  const sending = chosen.flatMap(({ way, channel }) => {
    const of = (senders.data ?? []).filter((one) => one.channel === reach(channel));
    const found =
      way.sender_id === null
        ? (of.find((one) => one.is_default) ?? of[0])
        : of.find((one) => one.sender_id === way.sender_id);
    return found ? [found] : [];
  });
  return {
    audience,
    count: namesSomebody(draft.audience) ? audience.data : undefined,
    isCounting: audience.isFetching || settled !== asked,
    chosen,
    channels: names,
    isMail: chosen.some((one) => one.channel === EMAIL),
    senders: sending,
    domains: domains.data ?? [],
    findings: new Map(ids.map((id, place) => [id, findings[place]?.data ?? []] as const)),
  };
}
