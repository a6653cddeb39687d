import { Anchor, Group, Paper, Select, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Count } from "~/api/schema";
import { segmentsQuery } from "~/api/segments";
import { type Tree, toAddress } from "~/ui/conditions/tree";
import { Failed } from "~/ui/Failed";
import { number, percent } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Venn } from "../parts/Venn";
import { overlapQuery } from "../queries";

const route = getRouteApi("/segments/overlap");

export function OverlapPage() {
  const { t } = useTranslation();
  const { first, second } = route.useSearch();
  const navigate = useNavigate();
  const { data: segments = [] } = useQuery(segmentsQuery);
  const options = segments.map((one) => ({ value: String(one.segment_id), label: one.name }));
  const nameOf = (id: number) => segments.find((one) => one.segment_id === id)?.name ?? String(id);
  const both = first !== undefined && second !== undefined && first !== second;
  const { data, isLoading, error, refetch } = useQuery({
    ...overlapQuery(first ?? 0, second ?? 0),
    enabled: both,
  });
  const choose = (change: { first?: number; second?: number }) =>
    void navigate({ to: "/segments/overlap", search: { first, second, ...change }, replace: true });
  return (
    <Page
      title={t("segments.overlap.title")}
      soft={t("segments.overlap.hint")}
      crumbs={[{ label: t("nav.segments"), to: "/segments" }]}
    >
      <Group align="flex-end">
        {(["first", "second"] as const).map((which) => {
          const value = which === "first" ? first : second;
          return (
            <Select
              key={which}
              label={t(`segments.overlap.${which}`)}
              placeholder={t("conditions.choose")}
              searchable
              allowDeselect={false}
              w={280}
              value={value === undefined ? null : String(value)}
              data={options}
              onChange={(id) => id !== null && choose({ [which]: Number(id) })}
            />
          );
        })}
      </Group>
      {!both && (
        <Text size="sm" c="dimmed">
          {first !== undefined && first === second
            ? t("segments.overlap.same")
            : t("segments.overlap.choose")}
        </Text>
      )}
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isLoading && <Skeleton height={260} />}
      {both && data && (
        <Stack>
          <Paper withBorder p="md">
            <Venn
              label={t("segments.overlap.drawn", {
                first: nameOf(first),
                second: nameOf(second),
                both: number(data.both.contacts),
              })}
              first={data.first.contacts}
              second={data.second.contacts}
              both={data.both.contacts}
              names={[nameOf(first), nameOf(second)]}
            />
          </Paper>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <Share
              label={t("segments.overlap.onlyIn", { name: nameOf(first) })}
              count={{ ...data.first, contacts: data.first.contacts - data.both.contacts }}
              of={data.first.contacts}
              condition={{ all: [{ segment: first }, { not: { segment: second } }] }}
            />
            <Share
              label={t("segments.overlap.inBoth")}
              count={data.both}
              of={Math.min(data.first.contacts, data.second.contacts)}
              condition={{ all: [{ segment: first }, { segment: second }] }}
            />
            <Share
              label={t("segments.overlap.onlyIn", { name: nameOf(second) })}
              count={{ ...data.second, contacts: data.second.contacts - data.both.contacts }}
              of={data.second.contacts}
              condition={{ all: [{ segment: second }, { not: { segment: first } }] }}
            />
          </SimpleGrid>
          {![data.first, data.second, data.both].every((one) => one.is_exact) && (
            <Text size="sm" c="dimmed">
              {t("conditions.sampled", {
                error: number(Math.max(...[data.first, data.second, data.both].map((one) => one.error ?? 0))),
              })}
            </Text>
          )}
        </Stack>
      )}
    </Page>
  );
}

function Share({
  label,
  count,
  of,
  condition,
}: {
  label: string;
  count: Count;
  of: number;
  condition: Tree;
}) {
  const { t } = useTranslation();
  return (
    <Paper withBorder p="md">
      <Text size="xs" c="dimmed" fw={500} dir="auto" style={{ overflowWrap: "anywhere" }}>
        {label}
      </Text>
      <Text fz={26} fw={650}>
        {count.is_exact ? "" : "≈ "}
        {number(count.contacts)}{" "}
        <Text span size="sm" c="dimmed">
          {percent(of === 0 ? 0 : count.contacts / of)}
        </Text>
      </Text>
      <Anchor
        size="sm"
        renderRoot={(props) => (
          <Link {...props} to="/segments/new" search={{ condition: toAddress(condition) }} />
        )}
      >
        {t("segments.asSegment")}
      </Anchor>
    </Paper>
  );
}
