import { Alert, Badge, Button, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconExclamationCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ContentModelFinding as Finding } from "~/api/schema";
import type { Content } from "../queries";
import { Wrong } from "./MailPreview";
import { useChecks } from "./preview";

/** What the server finds wrong, errors first, each with the way to its place. */
export function Checks({
  content,
  contact,
  onPlace,
  onLine,
}: {
  content: Content;
  contact: number | undefined;
  /** Show where it is. */
  onPlace?: (finding: Finding) => void;
  onLine?: (line: number) => void;
}) {
  const { t } = useTranslation();
  const checks = useChecks(content, contact);
  if (checks.isError) return <Wrong error={checks.error} onLine={onLine} />;
  if (!checks.data)
    return <Skeleton height={60} radius="md" role="status" aria-label={t("common.loading")} />;
  const found = checks.data.items;
  if (found.length === 0)
    return (
      <Alert color="teal" icon={<IconCircleCheck aria-hidden />} role="status">
        {t("editor.checksFine")}
      </Alert>
    );
  return (
    <Stack gap={6} component="ul" m={0} p={0} aria-label={t("editor.checks")}>
      {found.map((one) => (
        <Group
          key={`${one.kind} ${one.where} ${one.message}`}
          component="li"
          wrap="nowrap"
          gap={8}
          align="flex-start"
        >
          {one.severity === "error" ? (
            <IconExclamationCircle
              size={18}
              color="var(--mantine-color-error)"
              role="img"
              aria-label={t("editor.error")}
              style={{ flexShrink: 0, marginTop: 2 }}
            />
          ) : (
            <IconAlertTriangle
              size={18}
              role="img"
              aria-label={t("editor.warning")}
              style={{ flexShrink: 0, marginTop: 2 }}
            />
          )}
          <div style={{ minWidth: 0, flex: 1 }}>
            <Text size="sm" style={{ overflowWrap: "anywhere" }}>
              {one.message}
            </Text>
            <Group gap={6} mt={2}>
              <Badge color="gray" tt="none">
                {t(`editor.places.${placeOf(one.where)}`)}
              </Badge>
              {onPlace && (
                <Button size="compact-xs" variant="subtle" onClick={() => onPlace(one)}>
                  {t("editor.showPlace")}
                </Button>
              )}
            </Group>
          </div>
        </Group>
      ))}
    </Stack>
  );
}

const PLACES = ["subject", "preheader", "html", "text", "attachments"] as const;

function placeOf(where: string): (typeof PLACES)[number] | "other" {
  return PLACES.find((place) => place === where) ?? "other";
}

/** What of a finding stands in the source as it is: a quoted address, a tag, the name of a field. */
export function soughtOf(finding: Finding): string[] {
  const found: string[] = [];
  const quoted = /"([^"]+)"/.exec(finding.message)?.[1];
  if (quoted) found.push(quoted);
  const first = finding.message.split(" ", 1)[0] ?? "";
  if (finding.kind === "unknown_field") found.push(`{{ ${first}`, `{{${first}`, first);
  if (finding.kind === "dead_merge_tag" || finding.kind === "local_link") found.push(first);
  if (finding.kind === "empty_link") found.push('href=""', 'href="#"', "href");
  if (finding.kind === "not_supported") found.push(first.replace(">", ""));
  if (finding.kind === "no_products") found.push("products(");
  return found;
}
