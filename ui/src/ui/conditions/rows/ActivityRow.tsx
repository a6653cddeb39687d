import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { campaignsQuery, linksQuery } from "~/api/campaigns";
import { useMay } from "~/api/session";
import { Choice, Picker } from "../inputs";
import { changed, type Tree } from "../tree";
import { useWords } from "../words";
import { Times, Window } from "./time";

const ACTIVITIES = [
  "sent",
  "delivered",
  "opened",
  "clicked",
  "bounced",
  "unsubscribed",
  "complained",
  "ordered",
];
const CHANNELS = ["email", "sms", "webpush", "mobilepush", "viber", "telegram"];

/** Opened the campaign "Autumn" at least 3 times in the last 30 days. */
export function ActivityRow({ tree, onChange }: { tree: Tree; onChange: (tree: Tree) => void }) {
  const { t } = useTranslation();
  const words = useWords();
  const mayRead = useMay("read_campaigns");
  const { data: campaigns = [] } = useQuery({ ...campaignsQuery, enabled: mayRead });
  const kind = String(tree.activity);
  const campaign = typeof tree.campaign === "number" ? tree.campaign : undefined;
  const setKind = (activity: string) => {
    const isOrder = activity === "ordered";
    onChange(
      changed(tree, {
        activity,
        link: activity === "clicked" ? tree.link : undefined,
        campaign: isOrder ? undefined : tree.campaign,
        channel: isOrder ? undefined : tree.channel,
      }),
    );
  };
  return (
    <>
      <Choice
        label={t("conditions.kinds.activity")}
        value={kind}
        options={ACTIVITIES.map((one) => ({ value: one, label: words("activities", one) }))}
        onChange={setKind}
      />
      {kind !== "ordered" && (
        <>
          <Picker
            label={t("conditions.campaign")}
            value={campaign === undefined ? "any" : String(campaign)}
            options={[
              { value: "any", label: t("conditions.anyMessage") },
              ...campaigns.map((one) => ({ value: String(one.campaign_id), label: one.name })),
            ]}
            onChange={(id) =>
              onChange(
                changed(tree, {
                  campaign: id === "any" || id === null ? undefined : Number(id),
                  link: undefined,
                }),
              )
            }
          />
          {kind === "clicked" && campaign !== undefined && (
            <LinkChoice campaign={campaign} tree={tree} onChange={onChange} />
          )}
          {(campaign === undefined || tree.channel !== undefined) && (
            <Choice
              label={t("conditions.channel")}
              value={tree.channel === undefined ? "" : String(tree.channel)}
              options={[
                { value: "", label: t("conditions.anyChannel") },
                ...CHANNELS.map((one) => ({ value: one, label: words("channels", one) })),
              ]}
              onChange={(channel) => onChange(changed(tree, { channel: channel || undefined }))}
            />
          )}
        </>
      )}
      <Times tree={tree} onChange={onChange} />
      <Window tree={tree} onChange={onChange} />
    </>
  );
}

function LinkChoice({
  campaign,
  tree,
  onChange,
}: {
  campaign: number;
  tree: Tree;
  onChange: (tree: Tree) => void;
}) {
  const { t } = useTranslation();
  const { data: links = [] } = useQuery(linksQuery(campaign));
  return (
    <Picker
      label={t("conditions.link")}
      value={tree.link === undefined ? "any" : String(tree.link)}
      options={[
        { value: "any", label: t("conditions.anyLink") },
        ...links.map((one) => ({
          value: String(one.link),
          label: `${one.link}: ${one.target}`.slice(0, 80),
        })),
      ]}
      onChange={(link) =>
        onChange(changed(tree, { link: link === "any" || link === null ? undefined : Number(link) }))
      }
    />
  );
}
