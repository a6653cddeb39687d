/** What happens to those who are known, which lists they join, and whether they agreed to messages. */
import { Alert, Button, Group, MultiSelect, Radio, Select, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import { listsQuery } from "~/api/lists";
import type { ImportStatus } from "~/api/schema";
import { Failed } from "~/ui/Failed";
import { type Draft, inputOf, KEYS, type Key, type Mode } from "./importDraft";

type Props = {
  draft: Draft;
  onChange: (draft: Draft) => void;
  onBack: () => void;
  onStarted: (started: ImportStatus) => void;
};

export function SayHow({ draft, onChange, onBack, onStarted }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const lists = useQuery(listsQuery);
  const put = (change: Partial<Draft>) => onChange({ ...draft, ...change });
  const start = useMutation({
    mutationFn: () => ask(api.POST("/syncom/v1/imports", { body: inputOf(draft) })),
    onSuccess: (started) => {
      for (const kind of ["field", "list", "contact-import"])
        void client.invalidateQueries({ queryKey: [kind] });
      onStarted(started);
    },
  });
  const wrong = (field: string) =>
    start.error instanceof Failure
      ? start.error.fields.find((one) => one.field === field)?.reason
      : undefined;
  const hasPhones = draft.mapping.some((one) => one.target === "phone" || one.target === "phones");
  const hasStates = draft.mapping.some((one) => one.target === "email_state" || one.target === "sms_state");
  return (
    <Stack gap="lg" mt="md" maw={640}>
      <Radio.Group
        label={t("imports.consent")}
        description={hasStates ? t("imports.consentRest") : t("imports.consentHint")}
        value={draft.consent}
        onChange={(consent) => put({ consent: consent as Draft["consent"] })}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="subscribed" label={t("imports.agreed")} description={t("imports.agreedHint")} />
          <Radio
            value="unconfirmed"
            label={t("imports.unconfirmed")}
            description={t("imports.unconfirmedHint")}
          />
          <Radio value="none" label={t("imports.notAgreed")} description={t("imports.notAgreedHint")} />
        </Stack>
      </Radio.Group>
      <Radio.Group
        label={t("imports.known")}
        value={draft.mode}
        onChange={(mode) => put({ mode: mode as Mode })}
      >
        <Stack gap="xs" mt="xs">
          <Radio value="overwrite" label={t("imports.overwrite")} description={t("imports.overwriteHint")} />
          <Radio
            value="fill_blanks"
            label={t("imports.fillBlanks")}
            description={t("imports.fillBlanksHint")}
          />
        </Stack>
      </Radio.Group>
      <Select
        label={t("imports.key")}
        description={t("imports.keyHint")}
        allowDeselect={false}
        data={KEYS.filter((key) => draft.mapping.some((one) => one.target === key)).map((key) => ({
          value: key,
          label: t(`contacts.members.${key}`),
        }))}
        value={draft.key}
        onChange={(key) => put({ key: (key ?? "email") as Key })}
        error={wrong("key")}
      />
      <MultiSelect
        label={t("imports.lists")}
        searchable
        clearable
        data={(lists.data ?? []).map((one) => ({ value: String(one.list_id), label: one.name }))}
        value={draft.lists}
        onChange={(chosen) => put({ lists: chosen })}
        error={wrong("lists")}
      />
      <TextInput
        label={t("imports.newList")}
        description={t("imports.newListHint")}
        dir="auto"
        value={draft.listName}
        onChange={(event) => put({ listName: event.currentTarget.value })}
        error={wrong("list_name")}
      />
      {hasPhones && (
        <TextInput
          label={t("imports.region")}
          description={t("imports.regionHint")}
          placeholder="UA"
          maxLength={2}
          w={260}
          value={draft.phoneRegion}
          onChange={(event) => put({ phoneRegion: event.currentTarget.value })}
          error={wrong("phone_region")}
        />
      )}
      {draft.consent === "" && <Alert color="yellow">{t("imports.sayConsent")}</Alert>}
      {start.error && <Failed error={start.error} />}
      <Group justify="space-between">
        <Button variant="default" onClick={onBack}>
          {t("common.back")}
        </Button>
        <Button disabled={draft.consent === ""} loading={start.isPending} onClick={() => start.mutate()}>
          {t("imports.start")}
        </Button>
      </Group>
    </Stack>
  );
}
