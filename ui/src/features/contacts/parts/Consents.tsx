/** What a person agreed to, with its proof, and whether the record can be trusted. */
import { Alert, Button, Code, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconShieldCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Consent } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { consentsPage, verdictQuery } from "../queries";
import { shown, word } from "./names";
import { StateBadge } from "./StateBadge";

export function Consents({ id }: { id: number }) {
  const { t } = useTranslation();
  const pages = usePages<Consent>(["contact", id, "consents"], (cursor, signal) =>
    consentsPage(id, cursor, signal),
  );
  return (
    <Stack gap="sm">
      <Verdict id={id} />
      {pages.error !== undefined && <Failed error={pages.error} retry={pages.retry} />}
      {!pages.loading && !pages.error && pages.rows.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("contacts.noConsents")}
        </Text>
      )}
      {pages.rows.map((one) => (
        <Proof key={one.consent_id} consent={one} />
      ))}
      {pages.hasMore && (
        <Button variant="default" loading={pages.loadingMore} onClick={pages.more}>
          {t("contacts.older")}
        </Button>
      )}
    </Stack>
  );
}

function Verdict({ id }: { id: number }) {
  const { t } = useTranslation();
  const verdict = useQuery(verdictQuery(id));
  if (verdict.error) return <Failed error={verdict.error} retry={() => void verdict.refetch()} />;
  if (!verdict.data) return null;
  const { faults, entries, unchained } = verdict.data;
  if (faults.length > 0)
    return (
      <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={t("contacts.tampered")}>
        {faults.map((fault) => (
          <Text size="sm" key={`${fault.consent_event_id}${fault.reason}`}>
            {fault.consent_event_id}: {fault.reason}
          </Text>
        ))}
      </Alert>
    );
  return (
    <Alert color="teal" icon={<IconShieldCheck aria-hidden />} title={t("contacts.untouched")}>
      <Text size="sm">
        {t("contacts.checked", { count: entries, shown: number(entries) })}{" "}
        {unchained > 0 && t("contacts.unchained", { count: unchained, shown: number(unchained) })}
      </Text>
    </Alert>
  );
}

function Proof({ consent }: { consent: Consent }) {
  const { t } = useTranslation();
  const details = Object.entries(consent.detail ?? {}).filter(
    ([name, value]) => name !== "text_hash" && shown(value) !== "",
  );
  return (
    <Paper withBorder p="sm">
      <Text size="sm" fw={600} component="div">
        {word(t, "channels", consent.channel)}
        {consent.category !== "" && ` (${consent.category})`} <StateBadge state={consent.state} />
      </Text>
      <Text size="sm" c="dimmed" component="div">
        <Time at={consent.occurred_at} /> · {t("contacts.told.source", { source: consent.source })}
      </Text>
      {consent.text !== "" && (
        <Text size="sm" mt={6} dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
          {t("contacts.shownWords")} <q>{consent.text}</q>
        </Text>
      )}
      {details.map(([name, value]) => (
        <Text key={name} size="sm" style={{ overflowWrap: "anywhere" }}>
          <Text span c="dimmed" size="sm">
            {word(t, "proofs", name)}:
          </Text>{" "}
          <bdi>{shown(value)}</bdi>
        </Text>
      ))}
      <Text size="xs" c="dimmed" mt={6}>
        {t("contacts.link")} <Code style={{ overflowWrap: "anywhere" }}>{consent.link.slice(0, 16)}…</Code>
      </Text>
    </Paper>
  );
}
