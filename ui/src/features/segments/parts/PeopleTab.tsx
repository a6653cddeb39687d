import { Anchor } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Move, ContactsPerson as Person } from "~/api/schema";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";

/** Who matches at this moment. */
export function PeopleTab({ segmentId }: { segmentId: number }) {
  const { t } = useTranslation();
  const pages = usePages(["segment", segmentId, "people"], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/segments/{segment_id}/contacts", {
        params: { path: { segment_id: segmentId }, query: { limit: 100, cursor } },
        signal,
      }),
    ),
  );
  const columns = useMemo<Column<Person>[]>(
    () => [
      {
        id: "email",
        header: t("conditions.fields.email"),
        width: "2fr",
        cell: (one) => (
          <PersonLink id={one.contact_id} label={one.email || one.phone || String(one.contact_id)} />
        ),
      },
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (one) => <span dir="auto">{[one.first_name, one.last_name].filter(Boolean).join(" ")}</span>,
      },
      { id: "city", header: t("conditions.fields.city"), cell: (one) => <span dir="auto">{one.city}</span> },
      {
        id: "why",
        header: t("segments.tabs.why"),
        width: "120px",
        cell: (one) => <WhyLink segmentId={segmentId} id={one.contact_id} />,
      },
    ],
    [t, segmentId],
  );
  return (
    <DataTable
      label={t("segments.tabs.people")}
      columns={columns}
      rowKey={(one) => String(one.contact_id)}
      empty={<Empty icon={<IconUsers size={26} />} title={t("segments.nobody")} />}
      {...pages}
    />
  );
}

/** Who entered and left, when and why. */
export function MovesTab({ segmentId }: { segmentId: number }) {
  const { t } = useTranslation();
  const pages = usePages(["segment", segmentId, "moves"], (cursor, signal) =>
    ask(
      api.GET("/syncom/v1/segments/{segment_id}/moves", {
        params: { path: { segment_id: segmentId }, query: { limit: 100, cursor } },
        signal,
      }),
    ),
  );
  const columns = useMemo<Column<Move>[]>(
    () => [
      {
        id: "contact",
        header: t("segments.contact"),
        cell: (one) => (
          <PersonLink id={one.contact_id} label={t("segments.contactNumber", { id: one.contact_id })} />
        ),
      },
      {
        id: "entered",
        header: t("segments.what"),
        cell: (one) => (one.entered ? t("segments.hasEntered") : t("segments.hasLeft")),
      },
      {
        id: "cause",
        header: t("segments.because"),
        width: "2fr",
        cell: (one) => t(`segments.causes.${one.cause}`),
      },
      { id: "at", header: t("conditions.when"), cell: (one) => <Time at={one.moved_at} /> },
    ],
    [t],
  );
  return (
    <DataTable
      label={t("segments.tabs.moves")}
      columns={columns}
      rowKey={(one) => `${one.contact_id} ${one.moved_at} ${one.entered}`}
      empty={
        <Empty icon={<IconUsers size={26} />} title={t("segments.noMoves")}>
          {t("segments.noMovesHint")}
        </Empty>
      }
      {...pages}
    />
  );
}

function PersonLink({ id, label }: { id: number; label: string }) {
  return (
    <Anchor
      dir="auto"
      truncate
      display="block"
      renderRoot={(props) => (
        <Link {...props} to={"/contacts/$id" as "/"} params={{ id: String(id) } as never} />
      )}
    >
      {label}
    </Anchor>
  );
}

function WhyLink({ segmentId, id }: { segmentId: number; id: number }) {
  const { t } = useTranslation();
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link
          {...props}
          to="/segments/$id"
          params={{ id: String(segmentId) }}
          search={{ tab: "why", contact: id }}
        />
      )}
    >
      {t("segments.why.link")}
    </Anchor>
  );
}
