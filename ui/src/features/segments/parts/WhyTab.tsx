import { Alert, Group, List, Skeleton, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Reason } from "~/api/schema";
import { ContactPicker } from "~/ui/ContactPicker";
import { Failed } from "~/ui/Failed";
import { whyQuery } from "../queries";

/** Why a contact is in the segment or not: each part of the condition with its answer and what the contact has. */
export function WhyTab({
  segmentId,
  contactId,
  onContact,
}: {
  segmentId: number;
  contactId: number | undefined;
  onContact: (id: number) => void;
}) {
  const { t } = useTranslation();
  const why = useQuery({ ...whyQuery(segmentId, contactId ?? 0), enabled: contactId !== undefined });
  return (
    <Stack>
      <ContactPicker
        label={t("segments.why.whom")}
        maw={420}
        value={contactId}
        onChange={(id) => id !== undefined && onContact(id)}
      />
      {contactId === undefined && (
        <Text size="sm" c="dimmed">
          {t("segments.why.hint")}
        </Text>
      )}
      {why.isError && <Failed error={why.error} retry={() => void why.refetch()} />}
      {why.isLoading && <Skeleton height={120} />}
      {why.data && (
        <>
          <Alert color={why.data.is_in ? "teal" : "gray"} role="status">
            <Text fw={600}>{why.data.is_in ? t("segments.why.isIn") : t("segments.why.isOut")}</Text>
          </Alert>
          <List listStyleType="none" spacing={6}>
            <Part reason={why.data.reason} />
          </List>
        </>
      )}
    </Stack>
  );
}

function Part({ reason }: { reason: Reason }) {
  const { t } = useTranslation();
  const kind = reason.kind;
  const title =
    kind === "all" || kind === "any" || kind === "not" ? t(`segments.why.groups.${kind}`) : reason.sentence;
  return (
    <List.Item>
      <Group gap={8} wrap="nowrap" align="flex-start">
        <ThemeIcon size={20} radius="xl" color={reason.holds ? "teal" : "red"} variant="light">
          {reason.holds ? (
            <IconCheck size={13} role="img" aria-label={t("common.yes")} />
          ) : (
            <IconX size={13} role="img" aria-label={t("common.no")} />
          )}
        </ThemeIcon>
        <Text
          size="sm"
          dir="auto"
          style={{ overflowWrap: "anywhere" }}
          fw={reason.parts.length > 0 ? 600 : 400}
        >
          {title}
          {reason.value !== "" && (
            <Text span c="dimmed" size="sm">
              {" "}
              — {t("segments.why.has", { value: reason.value })}
            </Text>
          )}
        </Text>
      </Group>
      {reason.parts.length > 0 && (
        <List listStyleType="none" spacing={6} mt={6} ps={28}>
          {reason.parts.map((part) => (
            <Part key={part.at} reason={part} />
          ))}
        </List>
      )}
    </List.Item>
  );
}
