/** Somebody saved the campaign while it is written here: what differs, and whose stays. */
import { Alert, Button, Group, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { sendersQuery } from "~/api/senders";
import { templatesQuery } from "~/api/templates";
import { Failed } from "~/ui/Failed";
import { type Draft, draftOf } from "../../draft";
import { campaignQuery, type Saved } from "../../queries";

const FIELDS = ["name", "audience", "ways", "from_name", "track_links"] as const;

export function Newer({
  id,
  draft,
  onMine,
  onTheirs,
}: {
  id: number;
  draft: Draft;
  onMine: (theirs: Saved) => void;
  onTheirs: (theirs: Saved) => void;
}) {
  const { t } = useTranslation();
  // What is there now, not what was there when editing began.
  const theirs = useQuery({ ...campaignQuery(id), staleTime: 0, refetchOnMount: "always" });
  const told = useTold();
  const fresh = theirs.isFetchedAfterMount ? theirs.data : undefined;
  const saved = fresh && draftOf(fresh.campaign);
  const differing = saved
    ? FIELDS.filter(
        (field) => JSON.stringify(saved[field]) !== JSON.stringify(withSenders(draft, saved)[field]),
      )
    : [];
  return (
    <Alert color="yellow" role="alert" title={t("campaigns.newer.title")}>
      <Text size="sm">{t("campaigns.newer.text")}</Text>
      {theirs.isError && <Failed error={theirs.error} retry={() => void theirs.refetch()} />}
      {saved && differing.length === 0 && <Text size="sm">{t("campaigns.newer.same")}</Text>}
      {saved && differing.length > 0 && (
        <Table.ScrollContainer
          minWidth={480}
          scrollAreaProps={{
            viewportProps: { tabIndex: 0, role: "region", "aria-label": t("campaigns.newer.compare") },
          }}
        >
          <Table aria-label={t("campaigns.newer.compare")}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("campaigns.newer.field")}</Table.Th>
                <Table.Th>{t("campaigns.newer.yours")}</Table.Th>
                <Table.Th>{t("campaigns.newer.saved")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {differing.map((field) => (
                <Table.Tr key={field}>
                  <Table.Th scope="row">{t(`campaigns.newer.fields.${field}`)}</Table.Th>
                  {[draft, saved].map((one, place) => (
                    <Table.Td
                      key={place === 0 ? "yours" : "saved"}
                      dir="auto"
                      style={{ overflowWrap: "anywhere" }}
                    >
                      {told(field, one)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {fresh && (
        <Group mt="sm" gap="xs">
          <Button size="xs" variant="default" onClick={() => onTheirs(fresh)}>
            {t("campaigns.newer.theirs")}
          </Button>
          <Button size="xs" onClick={() => onMine(fresh)}>
            {t("campaigns.newer.mine")}
          </Button>
        </Group>
      )}
    </Alert>
  );
}

/** The server names the usual sender where none was chosen: that is no difference. */
function withSenders(draft: Draft, saved: Draft): Draft {
  return {
    ...draft,
    ways: draft.ways.map((way, place) => ({
      ...way,
      sender_id: way.sender_id ?? saved.ways[place]?.sender_id ?? null,
    })),
  };
}

/** A part of a draft in words. */
function useTold(): (field: (typeof FIELDS)[number], draft: Draft) => string {
  const { t } = useTranslation();
  const { data: lists = [] } = useQuery(listsQuery);
  const { data: segments = [] } = useQuery(segmentsQuery);
  const { data: templates = [] } = useQuery(templatesQuery);
  const { data: senders = [] } = useQuery(sendersQuery);
  const list = (id: number) => lists.find((one) => one.list_id === id)?.name ?? String(id);
  const segment = (id: number) => segments.find((one) => one.segment_id === id)?.name ?? String(id);
  return (field, draft) => {
    if (field === "audience") {
      const { audience } = draft;
      const out = [...audience.exclude_lists.map(list), ...audience.exclude_segments.map(segment)];
      return [
        ...(audience.everyone ? [t("campaigns.everyone")] : []),
        ...audience.lists.map(list),
        ...audience.segments.map(segment),
        ...(audience.condition ? [t("campaigns.hasCondition")] : []),
        ...(out.length > 0 ? [`${t("campaigns.exclude")}: ${out.join(", ")}`] : []),
        ...(audience.categories.length > 0
          ? [`${t("campaigns.categories")}: ${audience.categories.join(", ")}`]
          : []),
      ].join("; ");
    }
    if (field === "ways")
      return draft.ways
        .map((way) => {
          const template = templates.find((one) => one.template_id === way.template_id)?.name ?? "–";
          const sender = senders.find((one) => one.sender_id === way.sender_id)?.name;
          return sender ? `${template} (${sender})` : template;
        })
        .join("; ");
    if (field === "track_links") return t(draft.track_links ? "common.yes" : "common.no");
    return draft[field] || "–";
  };
}
