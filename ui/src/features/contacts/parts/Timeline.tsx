/** Everything that happened to and was done by a contact, across channels. */
import { Anchor, Button, Code, Group, Timeline as Line, Select, Stack, Text, ThemeIcon } from "@mantine/core";
import {
  IconBolt,
  IconClick,
  IconFileCheck,
  IconListCheck,
  IconMail,
  IconShoppingBag,
  IconUserPlus,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { CHANNEL_NAMES } from "~/api/channels";
import type { TimelineEntry } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { timelinePage } from "../queries";
import { type ContactSearch, KINDS, type Kind } from "../searches";
import { word } from "./names";
import { sum } from "./Standing";

const ICONS = {
  created: IconUserPlus,
  consent: IconFileCheck,
  joined_list: IconListCheck,
  message: IconMail,
  activity: IconClick,
  order: IconShoppingBag,
  event: IconBolt,
};

type Props = { id: number; search: ContactSearch; put: (change: ContactSearch) => void };

export function Timeline({ id, search, put }: Props) {
  const { t } = useTranslation();
  const asked = useMemo(
    () => ({ kind: search.kind, channel: search.channel }),
    [search.kind, search.channel],
  );
  const pages = usePages<TimelineEntry>(["contact", id, "timeline", asked], (cursor, signal) =>
    timelinePage(id, asked, cursor, signal),
  );
  return (
    <Stack gap="md">
      <Group gap="xs">
        <Select
          clearable
          w={200}
          placeholder={t("contacts.anyKind")}
          aria-label={t("contacts.kind")}
          data={KINDS.map((kind) => ({ value: kind, label: t(`contacts.kinds.${kind}`) }))}
          value={search.kind ?? null}
          onChange={(kind) => put({ kind: (kind ?? undefined) as Kind | undefined })}
        />
        <Select
          clearable
          w={200}
          placeholder={t("contacts.anyChannel")}
          aria-label={t("contacts.channel")}
          data={CHANNEL_NAMES.map((way) => ({ value: way, label: t(`contacts.channels.${way}`) }))}
          value={search.channel ?? null}
          onChange={(channel) => put({ channel: channel ?? undefined })}
        />
      </Group>
      {pages.error !== undefined && <Failed error={pages.error} retry={pages.retry} />}
      {!pages.loading && !pages.error && pages.rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("contacts.nothingHappened")}
        </Text>
      )}
      <Line bulletSize={26} lineWidth={2}>
        {pages.rows.map((entry, index) => {
          const Icon = ICONS[entry.kind];
          return (
            <Line.Item
              key={`${entry.occurred_at}${index}`}
              bullet={
                <ThemeIcon size={24} radius="xl" variant="light" color={colourOf(entry)}>
                  <Icon size={14} aria-hidden />
                </ThemeIcon>
              }
            >
              <Text size="sm" component="div" style={{ overflowWrap: "anywhere" }}>
                <Told entry={entry} />
              </Text>
              <Text size="xs" c="dimmed" component="div">
                <Time at={entry.occurred_at} />
              </Text>
            </Line.Item>
          );
        })}
      </Line>
      {pages.hasMore && (
        <Button variant="default" loading={pages.loadingMore} onClick={pages.more}>
          {t("contacts.older")}
        </Button>
      )}
    </Stack>
  );
}

type Detail = { [name: string]: unknown };

function Told({ entry }: { entry: TimelineEntry }) {
  const { t } = useTranslation();
  const detail = entry.detail as Detail;
  const say = (name: string) => (typeof detail[name] === "string" ? (detail[name] as string) : "");
  const channel = say("channel") && word(t, "channels", say("channel"));
  switch (entry.kind) {
    case "created":
      return <>{t("contacts.told.created")}</>;
    case "joined_list":
      return (
        <>
          {t("contacts.told.joinedList")} <bdi>{say("name")}</bdi>
        </>
      );
    case "consent":
      return (
        <>
          <Head>
            {channel}
            {detail.category ? ` (${say("category")})` : ""}: {word(t, "states", say("state"))}
          </Head>
          <Soft>{say("source") && t("contacts.told.source", { source: say("source") })}</Soft>
        </>
      );
    case "message":
      return (
        <>
          <Head>
            {channel}: {word(t, "ledger", say("state"))}
          </Head>{" "}
          <CampaignLink id={detail.campaign_id} />
          <Soft>{[say("address"), say("reason")].filter(Boolean).join(" · ")}</Soft>
        </>
      );
    case "activity":
      return (
        <>
          <Head>
            {channel}: {word(t, "activity", say("kind"))}
          </Head>{" "}
          {say("class") === "machine" && (
            <Text span size="xs" c="dimmed">
              {t("contacts.told.machine")}{" "}
            </Text>
          )}
          <CampaignLink id={detail.campaign_id} />
          <Soft>{linkOf(detail)}</Soft>
        </>
      );
    case "order":
      return (
        <>
          <Head>{t("contacts.told.order", { number: say("external_id") })}</Head>{" "}
          {word(t, "orderStates", say("status").toLowerCase())} · {sum(say("total"), say("currency"))}
        </>
      );
    default:
      return (
        <>
          <Head>{say("type")}</Head>
          <Params params={detail.params} />
        </>
      );
  }
}

/** What an event says: of interest to few, and long. */
function Params({ params }: { params: unknown }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  if (typeof params !== "object" || params === null || Object.keys(params).length === 0) return null;
  return (
    <div>
      <Anchor component="button" size="xs" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
        {t(isOpen ? "contacts.told.less" : "contacts.told.params")}
      </Anchor>
      {isOpen && (
        <Code block mt={4} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {JSON.stringify(params, null, 1)}
        </Code>
      )}
    </div>
  );
}

function Head({ children }: { children: ReactNode }) {
  return (
    <Text span fw={600} size="sm">
      {children}
    </Text>
  );
}

function Soft({ children }: { children: ReactNode }) {
  return children ? (
    <Text size="xs" c="dimmed" component="div" dir="auto" lineClamp={3}>
      {children}
    </Text>
  ) : null;
}

function CampaignLink({ id }: { id: unknown }) {
  const { t } = useTranslation();
  if (typeof id !== "number" || id === 0) return null;
  return (
    <Anchor
      size="sm"
      style={{ textDecoration: "underline" }}
      renderRoot={(props) => <Link {...props} to={`/campaigns/${id}` as "/contacts"} />}
    >
      {t("contacts.told.campaign", { id })}
    </Anchor>
  );
}

function linkOf(detail: Detail): string {
  const inside = detail.detail;
  if (typeof inside === "string") return inside;
  if (typeof inside !== "object" || inside === null) return "";
  const { url, link, reason } = inside as Detail;
  return [url, link, reason].find((one): one is string => typeof one === "string") ?? "";
}

function colourOf(entry: TimelineEntry): string {
  const { state, kind } = entry.detail as Detail;
  if (
    state === "failed" ||
    state === "unsubscribed" ||
    ["bounced", "complained", "unsubscribed"].includes(String(kind))
  )
    return "red";
  if (entry.kind === "order" || kind === "clicked" || kind === "opened") return "teal";
  return entry.kind === "message" ? "syncom" : "gray";
}
