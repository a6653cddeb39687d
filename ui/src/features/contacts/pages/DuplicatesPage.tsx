import { Badge, Button, Group, Modal, Paper, SimpleGrid, Skeleton, Stack, Text } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Alike } from "~/api/schema";
import { useMay } from "~/api/session";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { usePages } from "~/ui/pages";
import { Merging } from "../parts/Merging";
import { nameOf } from "../parts/names";
import type { Person } from "../queries";

/** Contacts that are probably one person, a pair each. */
export function DuplicatesPage() {
  const { t } = useTranslation();
  const may = useMay("write_contacts");
  const [looked, setLooked] = useState<Alike>();
  const pages = usePages<Alike>(["contact", "duplicates"], (cursor, signal) =>
    ask(api.GET("/syncom/v1/contacts/duplicates", { params: { query: { cursor } }, signal })),
  );
  const { rows, hasMore, loadingMore, more } = pages;
  // A page may be empty and still have a next one.
  const isLooking = rows.length === 0 && hasMore;
  useEffect(() => {
    if (isLooking && !loadingMore) more();
  }, [isLooking, loadingMore, more]);
  return (
    <Page
      title={t("contacts.duplicates.title")}
      soft={t("contacts.duplicates.soft")}
      crumbs={[{ label: t("nav.contacts"), to: "/contacts" }]}
    >
      {pages.error !== undefined && <Failed error={pages.error} retry={pages.retry} />}
      {(pages.loading || isLooking) && (
        <Stack role="status" aria-label={t("contacts.duplicates.looking")}>
          <Skeleton height={96} radius="md" />
          <Skeleton height={96} radius="md" />
        </Stack>
      )}
      {pages.query.isSuccess && rows.length === 0 && !hasMore && (
        <Empty icon={<IconUsers />} title={t("contacts.duplicates.none")}>
          {t("contacts.duplicates.noneNext")}
        </Empty>
      )}
      {rows.map((pair) => (
        <Paper
          key={`${pair.one.contact_id} ${pair.other.contact_id}`}
          withBorder
          p="md"
          component="article"
          aria-label={`${nameOf(pair.one)}, ${nameOf(pair.other)}`}
        >
          <Group justify="space-between" mb="sm">
            <Group gap={6}>
              {pair.agree.map((what) => (
                <Badge key={what} tt="none">
                  {t(`contacts.duplicates.agree.${what}`)}
                </Badge>
              ))}
            </Group>
            {may && (
              <Button size="xs" variant="default" onClick={() => setLooked(pair)}>
                {t("contacts.duplicates.compare")}
              </Button>
            )}
          </Group>
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <Short person={pair.one} />
            <Short person={pair.other} />
          </SimpleGrid>
        </Paper>
      ))}
      {rows.length > 0 && hasMore && (
        <Group justify="center">
          <Button variant="default" loading={loadingMore} onClick={more}>
            {t("contacts.duplicates.more")}
          </Button>
        </Group>
      )}
      {looked && (
        <Modal
          opened
          onClose={() => setLooked(undefined)}
          closeButtonProps={{ "aria-label": t("common.close") }}
          title={t("contacts.duplicates.compare")}
          size="xl"
        >
          <Stack gap="sm">
            <Merging
              one={looked.one}
              other={looked.other}
              onBack={() => setLooked(undefined)}
              onDone={() => setLooked(undefined)}
            />
          </Stack>
        </Modal>
      )}
    </Page>
  );
}

function Short({ person }: { person: Person }) {
  const lines = [person.email, person.phone, person.external_id, person.city].filter(Boolean);
  return (
    <div style={{ minWidth: 0, overflowWrap: "anywhere" }}>
      <Text size="sm" fw={600} dir="auto" lineClamp={3}>
        {nameOf(person)}
      </Text>
      {lines.map((line) => (
        <Text key={line} size="sm" dir="auto" lineClamp={2}>
          {line}
        </Text>
      ))}
    </div>
  );
}
