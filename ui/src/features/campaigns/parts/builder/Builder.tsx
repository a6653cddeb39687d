/** One page of steps, and beside them what will happen. What can be kept is kept as one writes. */
import { Box, Button, Grid, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { date } from "~/ui/format";
import { Page } from "~/ui/Page";
import { SaveState } from "~/ui/SaveState";
import { tellDone, tellFailed } from "~/ui/tell";
import { type Draft, draftOf, freshDraft, inputOf, soon, type When, whenOf } from "../../draft";
import { campaignQuery, type Saved, savedOf } from "../../queries";
import { AudienceStep } from "./AudienceStep";
import { Checks } from "./Checks";
import { ContentStep } from "./ContentStep";
import { Newer } from "./Newer";
import { Summary } from "./Summary";
import { WhenStep } from "./WhenStep";

const PAUSE = 700;

export function Builder({ saved }: { saved?: Saved }) {
  const campaign = saved?.campaign;
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const mayWrite = useMay("write_campaigns");
  const [draft, setDraft] = useState<Draft>(() =>
    campaign ? draftOf(campaign) : freshDraft(t("campaigns.untitled", { date: date(new Date()) })),
  );
  const [when, setWhen] = useState<When>(() => (campaign ? whenOf(campaign) : { kind: "now" }));
  const saving = useSaving(draft, saved);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));

  const remove = () =>
    campaign &&
    confirm({
      title: t("campaigns.deleteAsk", { name: draft.name }),
      text: t("campaigns.deleteText"),
      act: t("common.delete"),
      onYes: async () => {
        try {
          await ask(
            api.DELETE("/syncom/v1/campaigns/{campaign_id}", {
              params: { path: { campaign_id: campaign.campaign_id } },
            }),
          );
          void client.invalidateQueries({ queryKey: ["campaign"] });
          await go({ to: "/campaigns" });
          tellDone(t("campaigns.deleted"));
        } catch (error) {
          tellFailed(error);
        }
      },
    });

  return (
    <Page
      title={draft.name || t("campaigns.new")}
      crumbs={[{ label: t("nav.campaigns"), to: "/campaigns" }]}
      actions={
        <>
          <SaveState state={saving.state} at={saving.at} retry={saving.retry} />
          {campaign?.state === "draft" && mayWrite && (
            <Button variant="subtle" color="red" size="xs" onClick={remove}>
              {t("common.delete")}
            </Button>
          )}
        </>
      }
    >
      {saving.isOld && campaign && (
        <Newer
          id={campaign.campaign_id}
          draft={draft}
          onMine={saving.over}
          onTheirs={(theirs) => {
            saving.follow(theirs);
            setDraft(draftOf(theirs.campaign));
            setWhen(whenOf(theirs.campaign));
          }}
        />
      )}
      {saving.error !== undefined && !saving.isOld && <Failed error={saving.error} retry={saving.retry} />}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <TextInput
              label={t("common.name")}
              description={t("campaigns.nameHint")}
              value={draft.name}
              maxLength={200}
              dir="auto"
              onChange={(event) => change({ name: event.currentTarget.value })}
              error={draft.name.trim() === "" ? t("campaigns.nameMissing") : undefined}
            />
            <Step number={1} title={t("campaigns.who")}>
              <AudienceStep audience={draft.audience} onChange={(audience) => change({ audience })} />
            </Step>
            <Step number={2} title={t("campaigns.what")}>
              <ContentStep draft={draft} onChange={change} />
            </Step>
            <Step number={3} title={t("campaigns.when")}>
              <WhenStep
                when={when}
                onChange={(kind) => setWhen(next(kind, when))}
                onTime={(at) => setWhen((old) => (old.kind === "now" ? old : { ...old, at }))}
                onLate={(late) => setWhen((old) => (old.kind === "local" ? { ...old, late } : old))}
              />
            </Step>
            <Step number={4} title={t("campaigns.checks")}>
              <Checks draft={draft} when={when} />
            </Step>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Box style={{ position: "sticky", top: 72 }}>
            <Summary draft={draft} when={when} campaign={campaign} save={saving.now} />
          </Box>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md" component="section">
      <Group gap="xs" mb="sm">
        <Text c="dimmed" fw={600}>
          {number}
        </Text>
        <Title order={2}>{title}</Title>
      </Group>
      {children}
    </Paper>
  );
}

function next(kind: When["kind"], old: When): When {
  const at = old.kind === "now" ? soon() : old.at;
  if (kind === "at") return { kind, at };
  if (kind === "local") return { kind, at, late: "send" };
  return { kind: "now" };
}

type Saving = {
  state: "saved" | "saving" | "unsaved" | "failed";
  at?: Date;
  error: unknown;
  retry: () => void;
  /** Somebody saved it since: nothing is kept until it is chosen whose stays. */
  isOld: boolean;
  /** Keeps what is written over what somebody saved. */
  over: (theirs: Saved) => void;
  /** Goes on from what somebody saved. */
  follow: (theirs: Saved) => void;
  /** Keeps it at once; the campaign's id, undefined while something lacks. */
  now: () => Promise<number | undefined>;
};

/** Keeps the draft as it is written. One request at a time, so that an older state never lands on a newer one. */
function useSaving(draft: Draft, saved: Saved | undefined): Saving {
  const campaign = saved?.campaign;
  const client = useQueryClient();
  const go = useNavigate();
  const [kept, setKept] = useState(() => JSON.stringify(campaign ? inputOf(draft) : null));
  const [at, setAt] = useState<Date>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const id = useRef(campaign?.campaign_id);
  const etag = useRef(saved?.etag);
  const queue = useRef<Promise<unknown>>(Promise.resolve());
  const input = inputOf(draft);
  const text = JSON.stringify(input);
  const [settled] = useDebouncedValue(text, PAUSE);

  const keep = async (given: NonNullable<typeof input>): Promise<number> => {
    setBusy(true);
    try {
      const known = id.current;
      const answer = await savedOf(
        known === undefined
          ? api.POST("/syncom/v1/campaigns", { body: given })
          : api.PUT("/syncom/v1/campaigns/{campaign_id}", {
              params: { path: { campaign_id: known } },
              headers: etag.current ? { "If-Match": etag.current } : {},
              body: given,
            }),
      );
      const { campaign_id } = answer.campaign;
      id.current = campaign_id;
      etag.current = answer.etag;
      client.setQueryData(campaignQuery(campaign_id).queryKey, answer);
      setKept(JSON.stringify(given));
      setAt(new Date());
      setError(undefined);
      return campaign_id;
    } catch (failure) {
      setError(failure);
      throw failure;
    } finally {
      setBusy(false);
    }
  };
  const now = async (): Promise<number | undefined> => {
    if (input === null) return undefined;
    await queue.current.catch(() => undefined);
    if (id.current !== undefined && kept === text) return id.current;
    return await keep(input);
  };
  const isKept = kept === text;
  const isOld = error instanceof Failure && error.code === "edited_since";
  // biome-ignore lint/correctness/useExhaustiveDependencies: kept when what was written has rested, and only then
  useEffect(() => {
    if (input === null || settled !== text || isKept || isOld) return;
    queue.current = queue.current
      .catch(() => undefined)
      .then(() => keep(input))
      .then((known) => {
        if (campaign === undefined)
          return go({ to: "/campaigns/$id", params: { id: String(known) }, replace: true });
      })
      .catch(() => undefined);
  }, [settled]);

  const state = busy ? "saving" : error !== undefined ? "failed" : isKept && input ? "saved" : "unsaved";
  const retry = () => void now().catch(() => undefined);
  const over = (theirs: Saved) => {
    etag.current = theirs.etag;
    setError(undefined);
    retry();
  };
  const follow = (theirs: Saved) => {
    etag.current = theirs.etag;
    setKept(JSON.stringify(inputOf(draftOf(theirs.campaign))));
    setError(undefined);
    client.setQueryData(campaignQuery(theirs.campaign.campaign_id).queryKey, theirs);
  };
  return { state, at, error, retry, isOld, over, follow, now };
}
