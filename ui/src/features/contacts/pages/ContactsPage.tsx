import { Alert, Anchor, Button, Group, Menu, Select, Text } from "@mantine/core";
import {
  IconAddressBook,
  IconDownload,
  IconFilter,
  IconFilterPlus,
  IconForms,
  IconHistory,
  IconPlus,
  IconUpload,
  IconUsers,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { listsQuery } from "~/api/lists";
import { segmentsQuery } from "~/api/segments";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { MoreMenu } from "~/ui/MoreMenu";
import { Page } from "~/ui/Page";
import { conditionOf } from "../condition";
import { ActionsDialog } from "../parts/ActionsDialog";
import { NewContactDialog } from "../parts/NewContactDialog";
import { PeopleTable } from "../parts/PeopleTable";
import { SaveSegmentDialog } from "../parts/SaveSegmentDialog";
import { sentenceQuery } from "../queries";
import { BANDS, CHANNELS, type ContactsSearch, STATES } from "../searches";

const FilterDialog = lazy(() => import("../parts/FilterDialog"));

export function ContactsPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/contacts" });
  const go = useNavigate();
  const mayWrite = useMay("write_contacts");
  const mayExport = useMay("export_contacts");
  const mayRead = useMay("read_settings");
  const maySegment = useMay("write_campaigns");
  const [opened, setOpened] = useState<"new" | "segment" | "actions" | "filters">();
  const condition = conditionOf(search);
  const put = (change: ContactsSearch) =>
    void go({ to: "/contacts", search: { ...search, ...change }, replace: true });
  const close = () => setOpened(undefined);
  const bring = mayWrite && (
    <Button
      leftSection={<IconUpload size={18} aria-hidden />}
      renderRoot={(props) => <Link {...props} to="/imports/new" />}
    >
      {t("contacts.import")}
    </Button>
  );

  return (
    <Page
      title={t("nav.contacts")}
      actions={
        <>
          {mayWrite && (
            <Button
              variant="default"
              leftSection={<IconPlus size={18} aria-hidden />}
              onClick={() => setOpened("new")}
            >
              {t("contacts.add")}
            </Button>
          )}
          {bring}
          <MoreMenu beside>
            {mayExport && (
              <Menu.Item
                component="a"
                href={exportAddress(search)}
                download
                leftSection={<IconDownload size={16} aria-hidden />}
              >
                {search.list ? t("contacts.exportList") : t("contacts.exportAll")}
              </Menu.Item>
            )}
            {maySegment && condition && (
              <Menu.Item
                leftSection={<IconFilterPlus size={16} aria-hidden />}
                onClick={() => setOpened("segment")}
              >
                {t("contacts.saveSegment")}
              </Menu.Item>
            )}
            <Menu.Item
              leftSection={<IconHistory size={16} aria-hidden />}
              onClick={() => setOpened("actions")}
            >
              {t("contacts.recentActions")}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconUsers size={16} aria-hidden />}
              renderRoot={(props) => <Link {...props} to="/contacts/duplicates" />}
            >
              {t("contacts.duplicates.find")}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconUpload size={16} aria-hidden />}
              renderRoot={(props) => <Link {...props} to="/imports" />}
            >
              {t("contacts.imports")}
            </Menu.Item>
            {mayRead && (
              <Menu.Item
                leftSection={<IconForms size={16} aria-hidden />}
                renderRoot={(props) => <Link {...props} to="/fields" />}
              >
                {t("contacts.fields")}
              </Menu.Item>
            )}
          </MoreMenu>
        </>
      }
    >
      {search.condition && (
        <Given
          search={search}
          onEdit={() => setOpened("filters")}
          onClear={() => put({ condition: undefined })}
        />
      )}
      <PeopleTable
        condition={condition}
        search={search}
        put={put}
        filters={<Filters search={search} put={put} onMore={() => setOpened("filters")} />}
        isFiltered={condition !== undefined}
        remember="contacts"
        nobody={
          <Empty icon={<IconAddressBook />} title={t("contacts.none")} action={bring}>
            {t("contacts.noneNext")}
          </Empty>
        }
      />
      {opened === "new" && <NewContactDialog onClose={close} />}
      {opened === "segment" && condition && <SaveSegmentDialog condition={condition} onClose={close} />}
      {opened === "filters" && (
        <Suspense fallback={null}>
          <FilterDialog
            condition={search.condition}
            onApply={(condition) => {
              close();
              put({ condition });
            }}
            onClose={close}
          />
        </Suspense>
      )}
      {opened === "actions" && (
        <ActionsDialog
          onClose={close}
          onOpen={(action) => {
            close();
            put({ action });
          }}
        />
      )}
    </Page>
  );
}

/** A condition that another page led here with, in words. */
function Given({
  search,
  onEdit,
  onClear,
}: {
  search: ContactsSearch;
  onEdit: () => void;
  onClear: () => void;
}) {
  const { t } = useTranslation();
  const sentence = useQuery(sentenceQuery(search.condition));
  return (
    <Alert color="syncom" variant="light" p="xs">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" dir="auto" style={{ overflowWrap: "anywhere" }}>
          {t("contacts.whoMatch", { sentence: sentence.data ?? "…" })}
        </Text>
        <Group gap="sm" wrap="nowrap" style={{ flexShrink: 0 }}>
          <Anchor component="button" size="sm" onClick={onEdit}>
            {t("common.edit")}
          </Anchor>
          <Anchor component="button" size="sm" onClick={onClear}>
            {t("contacts.showAll")}
          </Anchor>
        </Group>
      </Group>
    </Alert>
  );
}

function Filters({
  search,
  put,
  onMore,
}: {
  search: ContactsSearch;
  put: (change: ContactsSearch) => void;
  onMore: () => void;
}) {
  const { t } = useTranslation();
  const lists = useQuery(listsQuery);
  const segments = useQuery(segmentsQuery);
  return (
    <>
      <Select
        w={{ base: "calc(50% - 5px)", xs: 170 }}
        clearable
        searchable
        placeholder={t("contacts.anyList")}
        aria-label={t("contacts.list")}
        data={(lists.data ?? []).map((one) => ({ value: String(one.list_id), label: one.name }))}
        value={search.list ? String(search.list) : null}
        onChange={(list) => put({ list: list ? Number(list) : undefined })}
      />
      <Select
        w={{ base: "calc(50% - 5px)", xs: 170 }}
        clearable
        searchable
        placeholder={t("contacts.anySegment")}
        aria-label={t("contacts.segment")}
        data={(segments.data ?? []).map((one) => ({ value: String(one.segment_id), label: one.name }))}
        value={search.segment ? String(search.segment) : null}
        onChange={(segment) => put({ segment: segment ? Number(segment) : undefined })}
      />
      <Select
        w={{ base: "calc(50% - 5px)", xs: 180 }}
        clearable
        placeholder={t("contacts.anySubscription")}
        aria-label={t("contacts.subscription")}
        data={CHANNELS.map((channel) => ({
          group: t(`contacts.channels.${channel}`),
          items: STATES.map((state) => ({
            value: `${channel}:${state}`,
            label: `${t(`contacts.channels.${channel}`)}: ${t(`contacts.states.${state}`)}`,
          })),
        }))}
        value={search.subscription ?? null}
        onChange={(subscription) => put({ subscription: subscription ?? undefined })}
      />
      <Select
        w={{ base: "calc(50% - 5px)", xs: 170 }}
        clearable
        placeholder={t("contacts.anyEngagement")}
        aria-label={t("contacts.engagement")}
        data={BANDS.map((band) => ({ value: band, label: t(`contacts.bands.${band}`) }))}
        value={search.band ?? null}
        onChange={(band) => put({ band: BANDS.find((one) => one === band) })}
      />
      <Button variant="default" leftSection={<IconFilter size={16} aria-hidden />} onClick={onMore}>
        {t("contacts.moreFilters")}
      </Button>
    </>
  );
}

function exportAddress(search: ContactsSearch): string {
  return `/syncom/v1/exports/contacts.csv${search.list ? `?list_id=${search.list}` : ""}`;
}
