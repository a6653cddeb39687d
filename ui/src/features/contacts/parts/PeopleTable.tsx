/** Contacts in a table: found, sorted, chosen, and something done to them. */
import { Alert, Anchor, Group, Stack, Text } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { fieldsQuery } from "~/api/fields";
import { useMay } from "~/api/session";
import { type Column, DataTable, type Sort } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Finder } from "~/ui/Finder";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import type { Condition } from "../condition";
import { contactsPage, type Person, totalQuery } from "../queries";
import type { ListSearch, Order } from "../searches";
import { ActionProgress } from "./ActionProgress";
import { BulkBar } from "./BulkBar";
import { nameOf, shown } from "./names";
import { StateBadge } from "./StateBadge";

type Props = {
  condition: Condition | undefined;
  search: ListSearch;
  put: (change: ListSearch) => void;
  /** Beside the search field. */
  filters?: ReactNode;
  /** Shown where the account has nobody yet. */
  nobody: ReactNode;
  /** Somebody was left out by filters. */
  isFiltered: boolean;
  remember: string;
  /** Contacts chosen on a list can be taken off it. */
  list?: number;
};

export function PeopleTable({ condition, search, put, filters, nobody, isFiltered, remember, list }: Props) {
  const { t } = useTranslation();
  const go = useNavigate();
  const mayWrite = useMay("write_contacts");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isEverybody, setEverybody] = useState(false);
  const question = {
    condition: condition ?? null,
    search: search.search ?? "",
    order: search.order ?? "newest",
  };
  const asked = JSON.stringify(question);
  // What was chosen among other rows is not meant any more.
  // biome-ignore lint/correctness/useExhaustiveDependencies: forgotten when the question changes
  useEffect(() => {
    setChosen(new Set());
    setEverybody(false);
  }, [asked]);
  const pages = usePages<Person>(["contact", "table", question], (cursor, signal) =>
    contactsPage(question, cursor, signal),
  );
  const counted = useQuery({ ...totalQuery(question), placeholderData: keepPreviousData });
  const total = counted.data?.total;
  const columns = useColumns();
  const clear = () => {
    setChosen(new Set());
    setEverybody(false);
  };

  return (
    <Stack gap="sm">
      <Group gap="xs" align="flex-end">
        <Finder
          label={t("contacts.find")}
          value={search.search ?? ""}
          onChange={(words) => put({ search: words || undefined })}
        />
        {filters}
        <Text size="sm" c="dimmed" ms="auto" role="status">
          {total &&
            (total.is_exact
              ? t("contacts.total", { count: total.contacts, shown: number(total.contacts) })
              : t("contacts.totalAbout", {
                  count: total.contacts,
                  shown: number(total.contacts),
                  error: number(total.error),
                }))}
        </Text>
      </Group>
      {search.action && <ActionProgress id={search.action} onClose={() => put({ action: undefined })} />}
      {counted.data?.is_complete === false && <Alert color="yellow">{t("contacts.tooMany")}</Alert>}
      {mayWrite && (chosen.size > 0 || isEverybody) && (
        <BulkBar
          ids={[...chosen].map(Number)}
          isEverybody={isEverybody}
          // Typed words are no condition: only rows can be chosen among what they find.
          everybody={search.search ? undefined : (condition ?? { all: [] })}
          total={total}
          list={list}
          onEverybody={() => setEverybody(true)}
          onClear={clear}
          onStarted={(action) => {
            clear();
            put({ action });
          }}
        />
      )}
      <DataTable
        label={t("nav.contacts")}
        columns={columns}
        {...pages}
        rowKey={(one) => String(one.contact_id)}
        open={(one) => void go({ to: "/contacts/$id", params: { id: String(one.contact_id) } })}
        selected={isEverybody ? new Set(pages.rows.map((one) => String(one.contact_id))) : chosen}
        onSelect={
          mayWrite
            ? (keys) => {
                setEverybody(false);
                setChosen(keys);
              }
            : undefined
        }
        sort={sortOf(search.order)}
        onSort={(sort) => put({ order: orderOf(sort) })}
        remember={remember}
        empty={
          isFiltered || search.search ? (
            <Empty icon={<IconSearch />} title={t("contacts.noneFound")}>
              {t("contacts.noneFoundNext")}
            </Empty>
          ) : (
            nobody
          )
        }
      />
    </Stack>
  );
}

function useColumns(): Column<Person>[] {
  const { t } = useTranslation();
  const mayReadFields = useMay("read_settings");
  const fields = useQuery({ ...fieldsQuery, enabled: mayReadFields });
  return useMemo(() => {
    const plain = (id: keyof Person & string, header: string, hidden = true): Column<Person> => ({
      id,
      header,
      hidden,
      cell: (one) => <span dir="auto">{shown(one[id])}</span>,
    });
    return [
      {
        id: "name",
        header: t("contacts.name"),
        width: "2fr",
        sortable: true,
        cell: (one) => (
          <Anchor
            fw={500}
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link {...props} to="/contacts/$id" params={{ id: String(one.contact_id) }} />
            )}
          >
            {nameOf(one)}
          </Anchor>
        ),
      },
      {
        id: "email",
        header: t("contacts.email"),
        width: "2fr",
        sortable: true,
        cell: (one) => <span dir="auto">{one.email ?? ""}</span>,
      },
      { ...plain("phone", t("contacts.phone"), false), width: "150px" },
      {
        id: "email_state",
        header: t("contacts.emailState"),
        width: "130px",
        cell: (one) => <StateBadge state={one.email_state} />,
      },
      {
        id: "sms_state",
        header: t("contacts.smsState"),
        width: "130px",
        hidden: true,
        cell: (one) => <StateBadge state={one.sms_state} />,
      },
      {
        id: "push_state",
        header: t("contacts.pushState"),
        width: "130px",
        hidden: true,
        cell: (one) => <StateBadge state={one.push_state} />,
      },
      plain("city", t("contacts.members.city"), false),
      plain("country", t("contacts.members.country")),
      plain("language", t("contacts.members.language")),
      plain("external_id", t("contacts.members.external_id")),
      ...(fields.data ?? []).map(
        (field): Column<Person> => ({
          id: `fields.${field.key}`,
          header: field.name || field.key,
          hidden: true,
          numeric: field.type === "number",
          cell: (one) => <span dir="auto">{shown(one.fields[field.key])}</span>,
        }),
      ),
      {
        id: "created",
        header: t("contacts.created"),
        width: "150px",
        sortable: true,
        cell: (one) => <Time at={one.created_at} relative />,
      },
    ];
  }, [t, fields.data]);
}

function sortOf(order: Order | undefined): Sort {
  if (!order || order === "newest") return { by: "created", descending: true };
  if (order === "oldest") return { by: "created", descending: false };
  return { by: order.replace("-", ""), descending: order.startsWith("-") };
}

function orderOf(sort: Sort): Order | undefined {
  if (sort.by === "created") return sort.descending ? undefined : "oldest";
  if (sort.by === "email") return sort.descending ? "-email" : "email";
  return sort.descending ? "-name" : "name";
}
