/** Go anywhere, begin anything, find anything by its name; by keyboard. */
import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import {
  createSpotlight,
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
} from "@mantine/spotlight";
import "@mantine/spotlight/styles.css";
import {
  IconAffiliate,
  IconClock,
  IconFilter,
  IconInbox,
  IconKeyboard,
  IconMail,
  IconMoon,
  IconPlus,
  IconRoute,
  IconScale,
  IconSearch,
  IconSend,
  IconServer,
  IconShieldLock,
  IconTemplate,
  IconUpload,
  IconUser,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Permission } from "~/api/schema";
import { segmentsQuery } from "~/api/segments";
import { useSession } from "~/api/session";
import { ranked } from "./ranking";
import { recent } from "./recent";
import { usePaths, usePlaces } from "./Shell";

const [store, spotlight] = createSpotlight();
/** Of each kind. */
const MOST = 5;
const SIZE = { size: 20, "aria-hidden": true } as const;

type Deed = { name: DeedName; path: string; icon: ReactNode; needs: Permission };
type DeedName =
  | "newCampaign"
  | "importContacts"
  | "newTemplate"
  | "newSegment"
  | "newWorkflow"
  | "sendEvents"
  | "firstEmail";

const DEEDS: Deed[] = [
  { name: "newCampaign", path: "/campaigns/new", icon: <IconPlus {...SIZE} />, needs: "write_campaigns" },
  { name: "importContacts", path: "/imports/new", icon: <IconUpload {...SIZE} />, needs: "write_contacts" },
  { name: "newTemplate", path: "/templates/new", icon: <IconPlus {...SIZE} />, needs: "write_content" },
  { name: "newSegment", path: "/segments/new", icon: <IconPlus {...SIZE} />, needs: "write_campaigns" },
  { name: "newWorkflow", path: "/workflows/new", icon: <IconPlus {...SIZE} />, needs: "write_campaigns" },
  { name: "sendEvents", path: "/events/send", icon: <IconAffiliate {...SIZE} />, needs: "read_activity" },
  { name: "firstEmail", path: "/welcome", icon: <IconSend {...SIZE} />, needs: "send" },
];

const CORNERS = [
  { name: "compare", path: "/campaigns/compare", icon: <IconScale {...SIZE} />, needs: "read_campaigns" },
  { name: "senders", path: "/settings/senders", icon: <IconServer {...SIZE} />, needs: "read_settings" },
  { name: "inbox", path: "/settings/inbox", icon: <IconInbox {...SIZE} />, needs: "operate" },
  { name: "security", path: "/settings/security", icon: <IconShieldLock {...SIZE} />, needs: undefined },
] as const;

export default function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text.trim(), 150);
  const paths = usePaths();
  const session = useSession();
  const may = (needs: Permission | undefined) => !needs || session.data?.permissions.includes(needs);
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  useEffect(() => spotlight.open(), []);

  const action = (id: string, label: string, path: string, leftSection: ReactNode, description?: string) => ({
    id,
    label,
    description,
    leftSection,
    onClick: () => void go({ to: path as "/" }),
  });
  const places = usePlaces().flatMap((section) =>
    section.places.map((place) =>
      action(place.path, t(`nav.${place.name}` as "nav.home"), place.path, <place.icon {...SIZE} />),
    ),
  );
  const corners = CORNERS.filter((one) => may(one.needs) && paths.has(one.path)).map((one) =>
    action(one.path, t(`palette.do.${one.name}`), one.path, one.icon),
  );
  const deeds: SpotlightActionData[] = [
    ...DEEDS.filter((one) => may(one.needs) && paths.has(one.path)).map((one) =>
      action(one.path, t(`palette.do.${one.name}`), one.path, one.icon),
    ),
    {
      id: "dark",
      label: t("palette.do.dark"),
      leftSection: <IconMoon {...SIZE} />,
      onClick: () => setColorScheme(scheme === "dark" ? "light" : "dark"),
    },
    {
      id: "shortcuts",
      label: t("palette.do.shortcuts"),
      leftSection: <IconKeyboard {...SIZE} />,
      onClick: onHelp,
    },
  ];
  const latest = recent(session.data?.account_id ?? 0)
    .filter((one) => one.path !== window.location.pathname)
    .map((one) => ({
      ...action(`recent-${one.path}`, one.title, one.path, <IconClock {...SIZE} />),
      id: `recent-${one.path}`,
    }));
  const found = useFound(settled, may);
  const byName = (actions: SpotlightActionData[]) => ranked(actions, text, (one) => one.label ?? "");
  const groups: SpotlightActionGroupData[] = [
    { group: t("palette.recent"), actions: byName(latest).slice(0, MOST) },
    { group: t("palette.places"), actions: byName([...places, ...corners]) },
    { group: t("palette.actions"), actions: byName(deeds) },
    ...found.map(({ group, icon, things }) => ({
      group,
      actions: things.map((one) => action(one.path, one.name, one.path, icon, one.more)),
    })),
  ].filter((group) => group.actions.length > 0);

  return (
    <Spotlight
      store={store}
      actions={groups}
      // They are ranked here already.
      filter={(_, actions) => actions}
      query={text}
      onQueryChange={setText}
      onSpotlightClose={onClose}
      nothingFound={text.trim() === settled ? t("palette.nothing") : ""}
      highlightQuery
      scrollable
      maxHeight={420}
      shortcut={null}
      searchProps={{
        leftSection: <IconSearch {...SIZE} />,
        placeholder: t("palette.placeholder"),
        "aria-label": t("palette.placeholder"),
      }}
    />
  );
}

type Thing = { path: string; name: string; more?: string };
type Found = { group: string; icon: ReactNode; things: Thing[] };

/** Things of the account whose names fit. Contacts and templates are searched by the server, the rest in what it lists. */
function useFound(typed: string, may: (needs: Permission) => boolean | undefined): Found[] {
  const { t } = useTranslation();
  const paths = usePaths();
  const asks = typed.length >= 2;
  const contacts = useQuery({
    queryKey: ["contact", "palette", typed],
    enabled: asks && !!may("read_contacts") && paths.has("/contacts/$id"),
    queryFn: ({ signal }) =>
      ask(
        api.POST("/syncom/v1/contacts/table", {
          params: { query: { limit: MOST } },
          body: { search: typed, fields: [], total: false },
          signal,
        }),
      ),
  });
  const templates = useQuery({
    queryKey: ["template", "palette", typed],
    enabled: asks && !!may("read_content") && paths.has("/templates/$id"),
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/templates", {
          params: { query: { latest: true, search: typed, limit: MOST } },
          signal,
        }),
      ),
  });
  const reads = asks && !!may("read_campaigns");
  const campaigns = useQuery({
    queryKey: ["campaign", "palette"],
    enabled: reads && paths.has("/campaigns/$id"),
    queryFn: ({ signal }) =>
      ask(api.GET("/syncom/v1/campaigns", { params: { query: { limit: 500 } }, signal })),
  });
  const segments = useQuery({
    ...segmentsQuery,
    enabled: asks && !!may("read_contacts") && paths.has("/segments/$id"),
  });
  const workflows = useQuery({
    queryKey: ["workflow", "palette"],
    enabled: reads && paths.has("/workflows/$id"),
    queryFn: ({ signal }) =>
      ask(api.GET("/syncom/v1/workflows", { params: { query: { limit: 500 } }, signal })),
  });
  if (!asks) return [];
  const named = (things: Thing[]) => ranked(things, typed, (one) => one.name).slice(0, MOST);
  return [
    {
      group: t("nav.contacts"),
      icon: <IconUser {...SIZE} />,
      things: (contacts.data?.items ?? []).map((one) => {
        const name = `${one.first_name} ${one.last_name}`.trim();
        const address = one.email ?? one.phone ?? String(one.contact_id);
        return { path: `/contacts/${one.contact_id}`, name: address, more: name || undefined };
      }),
    },
    {
      group: t("nav.campaigns"),
      icon: <IconMail {...SIZE} />,
      things: named(
        (campaigns.data?.items ?? []).map((one) => ({
          path: `/campaigns/${one.campaign_id}`,
          name: one.name,
        })),
      ),
    },
    {
      group: t("nav.templates"),
      icon: <IconTemplate {...SIZE} />,
      things: (templates.data?.items ?? []).map((one) => ({
        path: `/templates/${one.template_id}`,
        name: one.name,
      })),
    },
    {
      group: t("nav.segments"),
      icon: <IconFilter {...SIZE} />,
      things: named(
        (segments.data ?? []).map((one) => ({ path: `/segments/${one.segment_id}`, name: one.name })),
      ),
    },
    {
      group: t("nav.workflows"),
      icon: <IconRoute {...SIZE} />,
      things: named(
        (workflows.data?.items ?? []).map((one) => ({
          path: `/workflows/${one.workflow_id}`,
          name: one.name,
        })),
      ),
    },
  ];
}
