/** What a form asks, says and looks like; beside it the form as visitors see it, and the lines for a site's pages. */
import {
  Accordion,
  ActionIcon,
  Button,
  Checkbox,
  ColorInput,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { api, ask, Failure } from "~/api/client";
import { fieldsQuery } from "~/api/fields";
import { listsQuery } from "~/api/lists";
import type { ShownForm } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { Failed } from "~/ui/Failed";
import { MailFrame } from "~/ui/MailFrame";
import { SaveState } from "~/ui/SaveState";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { inputOf, STANDARD, valuesOf } from "../forms";

type Props = { shown: ShownForm; etag: string | undefined; onNewer: () => void };

export function FormEditor({ shown, etag, onNewer }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("write_contacts");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: valuesOf(shown.definition),
    fieldOf: (field) => field.replace(/^(categories|lists|domains|refused_domains)\..*/, "$1"),
    send: async (values) => {
      const asked = api.PUT("/syncom/v1/forms/{form_id}", {
        params: { path: { form_id: shown.form_id } },
        headers: etag ? { "If-Match": etag } : {},
        body: inputOf(values, shown.definition),
      });
      const saved = await ask(asked);
      return { shown: saved, etag: (await asked).response.headers.get("ETag") ?? undefined };
    },
    onDone: (answer) => {
      client.setQueryData(["form", shown.form_id], answer);
      void client.invalidateQueries({ queryKey: ["form"], exact: true });
      form.resetDirty();
      tellDone(t("common.saved"));
    },
  });
  const stale = failure instanceof Failure && failure.code === "edited_since";
  const state = sending ? "saving" : failure !== undefined ? "failed" : form.isDirty() ? "unsaved" : "saved";
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
      <form onSubmit={submit} noValidate>
        <fieldset disabled={!may} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
          <Stack>
            <Words form={form} />
            <Asked form={form} />
            <Accordion variant="separated" multiple>
              <After form={form} />
              <Guard form={form} />
              <Look form={form} />
              <PopUp form={form} />
            </Accordion>
            {failure !== undefined && <Failed error={failure} retry={stale ? onNewer : undefined} />}
            {may && (
              <Group>
                <Button type="submit" loading={sending}>
                  {t("common.save")}
                </Button>
                <SaveState state={state} />
              </Group>
            )}
          </Stack>
        </fieldset>
      </form>
      <Stack>
        <div>
          <Text size="sm" fw={600} mb={4}>
            {t("forms.preview")}
          </Text>
          {/* Its own page from this server: it shows what was saved, and runs and sends nothing here. */}
          <MailFrame
            key={shown.version}
            src={new URL(shown.url).pathname}
            title={t("forms.preview")}
            height={520}
          />
          {form.isDirty() && (
            <Text size="xs" c="dimmed" mt={4}>
              {t("forms.previewSaved")}
            </Text>
          )}
        </div>
        <Lines label={t("forms.inline")} text={shown.snippet} />
        <Lines label={t("forms.asPopup")} text={shown.popup_snippet} />
        <Lines label={t("forms.link")} text={shown.url} />
      </Stack>
    </SimpleGrid>
  );
}

function Lines({ label, text }: { label: string; text: string }) {
  return (
    <div>
      <Text size="sm" fw={600} mb={4}>
        {label}
      </Text>
      <Copy text={text} block />
    </div>
  );
}

type Part = { form: ReturnType<typeof useServerForm<ReturnType<typeof valuesOf>, unknown>>["form"] };

function Words({ form }: Part) {
  const { t, i18n } = useTranslation();
  const names = new Intl.DisplayNames([i18n.language], { type: "language" });
  const known = ["en", "uk", "de", "pl"];
  const codes = known.includes(form.values.language) ? known : [form.values.language, ...known];
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label={t("common.name")} required dir="auto" {...form.getInputProps("name")} />
        <Select
          label={t("forms.language")}
          allowDeselect={false}
          data={codes.map((value) => ({ value, label: names.of(value) ?? value }))}
          {...form.getInputProps("language")}
        />
      </SimpleGrid>
      <TextInput label={t("forms.title")} dir="auto" {...form.getInputProps("title")} />
      <Textarea label={t("forms.text")} autosize minRows={2} dir="auto" {...form.getInputProps("text")} />
      <TextInput
        label={t("forms.button")}
        description={t("forms.usualWords")}
        dir="auto"
        {...form.getInputProps("button")}
      />
    </Stack>
  );
}

function Asked({ form }: Part) {
  const { t } = useTranslation();
  const custom = useQuery(fieldsQuery);
  const choices = [
    ...STANDARD.map((value) => ({ value, label: t(`forms.members.${value}`) })),
    ...(custom.data?.map((one) => ({ value: one.key, label: one.name || one.key })) ?? []),
  ];
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        {t("forms.asks")}
      </Text>
      {form.values.fields.map((field, place) => (
        <Group key={place} gap="xs" align="flex-start" wrap="nowrap">
          <Select
            flex={2}
            aria-label={t("forms.field")}
            searchable
            allowDeselect={false}
            disabled={field.key === "email"}
            data={choices.some((one) => one.value === field.key) ? choices : [...choices, field.key]}
            {...form.getInputProps(`fields.${place}.key`)}
          />
          <TextInput
            flex={2}
            aria-label={t("forms.label")}
            placeholder={t("forms.label")}
            dir="auto"
            {...form.getInputProps(`fields.${place}.label`)}
          />
          <Checkbox
            pt={8}
            label={t("forms.required")}
            disabled={field.key === "email"}
            {...form.getInputProps(`fields.${place}.required`, { type: "checkbox" })}
          />
          <ActionIcon
            variant="subtle"
            color="red"
            mt={4}
            disabled={field.key === "email"}
            aria-label={t("forms.removeField")}
            onClick={() => form.removeListItem("fields", place)}
          >
            <IconTrash size={18} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      <Group>
        <Button
          variant="default"
          size="xs"
          onClick={() => {
            const taken = new Set(form.values.fields.map((one) => one.key));
            const next = choices.find((one) => !taken.has(one.value));
            if (next) form.insertListItem("fields", { key: next.value, label: next.label, required: false });
          }}
        >
          {t("forms.addField")}
        </Button>
      </Group>
      <Textarea
        label={t("forms.consent")}
        description={t("forms.consentHint")}
        autosize
        minRows={2}
        dir="auto"
        {...form.getInputProps("consent_text")}
      />
      <Checkbox
        label={t("forms.consentRequired")}
        {...form.getInputProps("consent_required", { type: "checkbox" })}
      />
    </Stack>
  );
}

function After({ form }: Part) {
  const { t } = useTranslation();
  const categories = useQuery(categoriesQuery);
  const lists = useQuery(listsQuery);
  return (
    <Accordion.Item value="after">
      <Accordion.Control>{t("forms.after")}</Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm">
          <Switch
            label={t("forms.doubleLabel")}
            description={t("forms.doubleHint")}
            {...form.getInputProps("double_opt_in", { type: "checkbox" })}
          />
          <MultiSelect
            label={t("forms.categories")}
            data={categories.data?.map((one) => ({ value: one.key, label: one.name })) ?? []}
            {...form.getInputProps("categories")}
          />
          <MultiSelect
            label={t("forms.lists")}
            searchable
            data={lists.data?.map((one) => ({ value: String(one.list_id), label: one.name })) ?? []}
            {...form.getInputProps("lists")}
          />
          <TextInput
            label={t("forms.success")}
            description={t("forms.usualWords")}
            dir="auto"
            {...form.getInputProps("success")}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("forms.redirect")}
              description={t("senders.optional")}
              {...form.getInputProps("redirect_url")}
            />
            <TextInput
              label={t("forms.confirmed")}
              description={t("senders.optional")}
              {...form.getInputProps("confirmed_url")}
            />
          </SimpleGrid>
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Guard({ form }: Part) {
  const { t } = useTranslation();
  return (
    <Accordion.Item value="guard">
      <Accordion.Control>{t("forms.guard")}</Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm">
          <TagsInput
            label={t("forms.domains")}
            description={t("forms.domainsHint")}
            {...form.getInputProps("domains")}
          />
          <TagsInput
            label={t("forms.refused")}
            description={t("forms.refusedHint")}
            {...form.getInputProps("refused_domains")}
          />
          <Select
            label={t("forms.disposable")}
            allowDeselect={false}
            data={(["allow", "flag", "refuse"] as const).map((value) => ({
              value,
              label: t(`forms.disposables.${value}`),
            }))}
            {...form.getInputProps("disposable")}
          />
          <Switch
            label={t("forms.work")}
            description={t("forms.workHint")}
            {...form.getInputProps("proof_of_work", { type: "checkbox" })}
          />
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function Look({ form }: Part) {
  const { t } = useTranslation();
  return (
    <Accordion.Item value="look">
      <Accordion.Control>{t("forms.look")}</Accordion.Control>
      <Accordion.Panel>
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          {(["accent", "text", "background"] as const).map((name) => (
            <ColorInput
              key={name}
              label={t(`forms.colours.${name}`)}
              format="hex"
              eyeDropperButtonProps={{ "aria-label": t("forms.pick") }}
              {...form.getInputProps(`look.${name}`)}
            />
          ))}
          <NumberInput
            label={t("forms.radius")}
            min={0}
            allowDecimal={false}
            {...form.getInputProps("look.radius")}
          />
        </SimpleGrid>
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function PopUp({ form }: Part) {
  const { t } = useTranslation();
  const { trigger } = form.values.popup;
  return (
    <Accordion.Item value="popup">
      <Accordion.Control>{t("forms.popup")}</Accordion.Control>
      <Accordion.Panel>
        <Stack gap="sm">
          <Select
            label={t("forms.trigger")}
            allowDeselect={false}
            data={(["delay", "scroll", "exit"] as const).map((value) => ({
              value,
              label: t(`forms.triggers.${value}`),
            }))}
            {...form.getInputProps("popup.trigger")}
          />
          {trigger !== "exit" && (
            <NumberInput
              label={t(trigger === "scroll" ? "forms.afterScroll" : "forms.afterSeconds")}
              min={0}
              allowDecimal={false}
              {...form.getInputProps("popup.after")}
            />
          )}
          <NumberInput
            label={t("forms.every")}
            min={0}
            allowDecimal={false}
            {...form.getInputProps("popup.every_days")}
          />
        </Stack>
      </Accordion.Panel>
    </Accordion.Item>
  );
}
