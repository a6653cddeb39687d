/** The records of a domain: what to set, what a check found, what to do about it. */
import { Badge, Paper, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { DnsRecord, DomainView, MessagesIdentityModelFinding as Finding } from "~/api/schema";
import { Copy } from "~/ui/Copy";

const COLORS = { ok: "teal", missing: "red", wrong: "red", note: "blue", unknown: "gray" } as const;

export function Records({ domain }: { domain: DomainView }) {
  const { t } = useTranslation();
  const { rows, others } = matched(domain.records, domain.findings);
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        {t("domains.records")}
      </Text>
      {rows.map(({ record, finding }) => (
        <Paper key={`${record.type} ${record.name} ${record.value}`} withBorder p="sm" radius="md">
          <Stack gap={4}>
            <Text size="sm" component="div">
              <b>{t(`domains.subjects.${record.subject}`)}</b> <Verdict finding={finding} />{" "}
              {record.required === false && <Badge color="gray">{t("domains.optional")}</Badge>}
            </Text>
            {finding && finding.verdict !== "ok" && finding.words && <Text size="sm">{finding.words}</Text>}
            <Labelled label={t("domains.recordType")}>{record.type}</Labelled>
            <Labelled label={t("domains.recordName")}>
              <Copy text={record.name} />
            </Labelled>
            <Labelled label={t("domains.recordValue")}>
              <Copy text={record.value} />
            </Labelled>
            {finding && finding.verdict !== "ok" && finding.found && (
              <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                {t("domains.isThere", { found: finding.found })}
              </Text>
            )}
          </Stack>
        </Paper>
      ))}
      {others.length > 0 && (
        <>
          <Text size="sm" fw={600}>
            {t("domains.others")}
          </Text>
          {others.map((finding) => (
            <Text key={`${finding.subject} ${finding.name}`} size="sm" component="div">
              <b>{t(`domains.subjects.${finding.subject}`)}</b> {finding.name} <Verdict finding={finding} />{" "}
              {finding.words}
            </Text>
          ))}
        </>
      )}
    </Stack>
  );
}

function Labelled({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div style={{ display: "grid", gridTemplateColumns: "72px minmax(0, 1fr)", alignItems: "baseline" }}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text size="sm" component="div">
        {children}
      </Text>
    </div>
  );
}

function Verdict({ finding }: { finding: Finding | undefined }) {
  const { t } = useTranslation();
  if (!finding) return <Badge color="gray">{t("domains.unchecked")}</Badge>;
  return <Badge color={COLORS[finding.verdict]}>{t(`domains.verdicts.${finding.verdict}`)}</Badge>;
}

/** Each record with what was found of it; findings that are of no record by themselves. */
export function matched(
  records: readonly DnsRecord[],
  findings: readonly Finding[],
): { rows: { record: DnsRecord; finding: Finding | undefined }[]; others: Finding[] } {
  const left = new Set(findings);
  const rows = records.map((record) => {
    const finding = findings.find((one) => one.subject === record.subject && one.name === record.name);
    if (finding) left.delete(finding);
    return { record, finding };
  });
  return { rows, others: [...left] };
}
