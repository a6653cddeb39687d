import { Anchor, Badge, Button, Group, Text, TextInput } from "@mantine/core";
import { IconArrowsJoin, IconFilter, IconPlus, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SegmentAnswer } from "~/api/schema";
import { segmentsQuery } from "~/api/segments";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";

export function SegmentsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const [words, setWords] = useState("");
  const segments = useQuery(segmentsQuery);
  const { data } = segments;
  const wanted = words.trim().toLowerCase();
  const rows = useMemo(
    () => (data ?? []).filter((one) => one.name.toLowerCase().includes(wanted)),
    [data, wanted],
  );
  const columns = useMemo<Column<SegmentAnswer>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (one) => (
          <Anchor
            dir="auto"
            truncate
            display="block"
            renderRoot={(props) => (
              <Link {...props} to="/segments/$id" params={{ id: String(one.segment_id) }} />
            )}
          >
            {one.name}
          </Anchor>
        ),
      },
      { id: "members", header: t("segments.people"), numeric: true, width: "140px", cell: Members },
      { id: "state", header: t("segments.state"), width: "180px", cell: (one) => <State segment={one} /> },
      {
        id: "updated",
        header: t("segments.changed"),
        width: "180px",
        cell: (one) => <Time at={one.updated_at} relative />,
      },
    ],
    [t],
  );
  return (
    <Page
      title={t("nav.segments")}
      soft={
        <>
          {t("segments.hint")}{" "}
          <Anchor size="sm" td="underline" renderRoot={(props) => <Link {...props} to={"/lists" as "/"} />}>
            {t("segments.toLists")}
          </Anchor>
        </>
      }
      actions={
        <>
          {(data?.length ?? 0) > 1 && (
            <Button
              variant="default"
              leftSection={<IconArrowsJoin size={16} aria-hidden />}
              renderRoot={(props) => <Link {...props} to="/segments/overlap" />}
            >
              {t("segments.compare")}
            </Button>
          )}
          {mayWrite && (
            <Button
              leftSection={<IconPlus size={16} aria-hidden />}
              renderRoot={(props) => <Link {...props} to="/segments/new" />}
            >
              {t("segments.new")}
            </Button>
          )}
        </>
      }
    >
      {(data?.length ?? 0) > 8 && (
        <TextInput
          maw={320}
          aria-label={t("common.search")}
          placeholder={t("segments.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      )}
      <DataTable
        label={t("nav.segments")}
        columns={columns}
        rows={rows}
        rowKey={(one) => String(one.segment_id)}
        {...listState(segments)}
        open={(one) => void navigate({ to: "/segments/$id", params: { id: String(one.segment_id) } })}
        empty={
          wanted === "" ? (
            <Empty
              icon={<IconFilter size={26} />}
              title={t("segments.none")}
              action={
                mayWrite && (
                  <Button renderRoot={(props) => <Link {...props} to="/segments/new" />}>
                    {t("segments.new")}
                  </Button>
                )
              }
            >
              {t("segments.noneHint")}
            </Empty>
          ) : (
            <Text c="dimmed">{t("segments.notFound")}</Text>
          )
        }
      />
    </Page>
  );
}

function Members({ membership }: SegmentAnswer) {
  return <>{membership ? number(membership.members) : "…"}</>;
}

export function State({ segment }: { segment: SegmentAnswer }) {
  const { t } = useTranslation();
  const { membership } = segment;
  if (membership?.problem) return <Badge color="red">{t("segments.states.problem")}</Badge>;
  if (!membership?.is_complete)
    return (
      <Badge color="blue">{t("segments.states.working", { progress: membership?.progress ?? 0 })}</Badge>
    );
  return (
    <Group gap={4}>
      <Badge color="teal">{t("segments.states.kept")}</Badge>
    </Group>
  );
}
