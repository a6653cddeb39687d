/** Adding or changing a sender: what its kind asks for, and nothing else. */
import {
  Accordion,
  Anchor,
  Checkbox,
  Group,
  NumberInput,
  PasswordInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask, Failure } from "~/api/client";
import type { Sender } from "~/api/schema";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { fieldOf, initial, inputOf, type Preset, TEXTS, valuesOf } from "../senders";

export function SenderForm({
  preset,
  stored,
  etag,
  onClose,
  onDone,
}: {
  preset: Preset;
  /** The sender that is changed. */
  stored?: Sender;
  etag?: string;
  onClose: () => void;
  onDone?: (sender: Sender) => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { kind } = preset;
  const { form, submit, sending, failure } = useServerForm({
    initialValues: stored ? valuesOf(stored) : initial(preset),
    fieldOf,
    validate: {
      fields: (text) => {
        if (kind !== "gateway") return null;
        try {
          JSON.parse(text || "{}");
          return null;
        } catch {
          return t("senders.noJson");
        }
      },
    },
    send: (values) => {
      const body = inputOf(values, kind, stored);
      if (!stored) return ask(api.POST("/syncom/v1/senders", { body }));
      return ask(
        api.PUT("/syncom/v1/senders/{sender_id}", {
          params: { path: { sender_id: stored.sender_id } },
          headers: etag ? { "If-Match": etag } : {},
          body,
        }),
      );
    },
    onDone: (sender) => {
      void client.invalidateQueries({ queryKey: ["sender"] });
      tellDone(t(stored ? "common.saved" : "senders.added"));
      onClose();
      onDone?.(sender);
    },
  });
  const get = form.getInputProps;
  const texts = TEXTS.has(kind);
  const stale = failure instanceof Failure && failure.code === "edited_since";
  const act = stored ? t("common.save") : t("senders.add");
  return (
    <FormDialog
      title={stored ? t("senders.change") : t(`senders.presets.${preset.key as "smtp"}.name`)}
      act={act}
      size="lg"
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      {!stored && (
        <Text size="sm" c="dimmed">
          {t(`senders.presets.${preset.key as "smtp"}.hint`)}
        </Text>
      )}
      <TextInput
        label={t("common.name")}
        description={t("senders.nameHint")}
        required
        data-autofocus
        dir="auto"
        {...get("name")}
      />
      {kind === "inbox" && (
        <Select
          label={t("senders.channel")}
          allowDeselect={false}
          disabled={stored !== undefined}
          data={[
            { value: "1", label: t("senders.channels.email") },
            { value: "2", label: t("senders.channels.sms") },
          ]}
          {...get("channel")}
        />
      )}
      {!texts && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label={t("senders.fromEmail")}
            description={kind === "webpush" ? t("senders.pushContact") : t("senders.fromEmailHint")}
            required={kind === "smtp"}
            {...get("from_email")}
          />
          <TextInput
            label={t("senders.fromName")}
            description={t("senders.fromNameHint")}
            dir="auto"
            {...get("from_name")}
          />
          {kind !== "webpush" && (
            <TextInput
              label={t("senders.replyTo")}
              description={t("senders.replyToHint")}
              {...get("reply_to")}
            />
          )}
        </SimpleGrid>
      )}
      {kind === "smtp" && (
        <>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <TextInput label={t("senders.host")} required {...get("host")} />
            <NumberInput
              label={t("senders.port")}
              min={1}
              max={65535}
              allowDecimal={false}
              {...get("port")}
            />
            <Select
              label={t("senders.security")}
              allowDeselect={false}
              data={["starttls", "tls", "plain"].map((value) => ({
                value,
                label: t(`senders.securities.${value as "tls"}`),
              }))}
              {...get("security")}
            />
          </SimpleGrid>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={t("senders.username")} autoComplete="off" {...get("username")} />
            <Secret label={t("senders.password")} stored={stored !== undefined} {...get("password")} />
          </SimpleGrid>
        </>
      )}
      {kind === "twilio" && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t("senders.accountSid")} required {...get("account")} />
          <Secret label={t("senders.authToken")} stored={stored !== undefined} {...get("password")} />
          <TextInput label={t("senders.service")} description={t("senders.optional")} {...get("service")} />
          <TextInput label={t("senders.keySid")} description={t("senders.optional")} {...get("api_key")} />
        </SimpleGrid>
      )}
      {kind === "vonage" && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput label={t("senders.apiKey")} required {...get("api_key")} />
          <Secret label={t("senders.apiSecret")} stored={stored !== undefined} {...get("password")} />
        </SimpleGrid>
      )}
      {kind === "smpp" && (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={t("senders.host")} required {...get("host")} />
            <NumberInput
              label={t("senders.port")}
              min={1}
              max={65535}
              allowDecimal={false}
              {...get("port")}
            />
            <TextInput label={t("senders.systemId")} required {...get("system_id")} />
            <Secret label={t("senders.password")} stored={stored !== undefined} {...get("password")} />
          </SimpleGrid>
          <Checkbox label={t("senders.tls")} {...form.getInputProps("tls", { type: "checkbox" })} />
        </>
      )}
      {kind === "gateway" && (
        <>
          <TextInput
            label={t("senders.url")}
            description={t("senders.urlHint")}
            required
            dir="ltr"
            {...get("url")}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select
              label={t("senders.verb")}
              allowDeselect={false}
              data={["POST", "PUT", "GET"]}
              {...get("verb")}
            />
            <Select
              label={t("senders.body")}
              allowDeselect={false}
              data={["json", "form", "query", "xml"].map((value) => ({
                value,
                label: t(`senders.bodies.${value as "json"}`),
              }))}
              {...get("body")}
            />
            <TextInput label={t("senders.username")} autoComplete="off" {...get("username")} />
            <Secret label={t("senders.password")} stored={stored !== undefined} {...get("password")} />
          </SimpleGrid>
          <Textarea
            label={t("senders.fields")}
            description={t("senders.fieldsHint")}
            autosize
            minRows={4}
            dir="ltr"
            styles={{ input: { fontFamily: "monospace" } }}
            {...get("fields")}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("senders.answerId")}
              description={t("senders.answerIdHint")}
              {...get("answer_id")}
            />
            <TextInput
              label={t("senders.answerError")}
              description={t("senders.answerErrorHint")}
              {...get("answer_error")}
            />
          </SimpleGrid>
        </>
      )}
      {texts && (
        <>
          <TagsInput
            label={t("senders.names")}
            description={t("senders.namesHint")}
            required
            {...get("names")}
          />
          <Secret
            label={t("senders.callbackSecret")}
            description={t("senders.callbackSecretHint")}
            stored={stored !== undefined}
            {...get("callback_secret")}
          />
        </>
      )}
      <Switch
        label={t("senders.makeDefault")}
        description={t("senders.makeDefaultHint")}
        {...form.getInputProps("is_default", { type: "checkbox" })}
      />
      <Accordion variant="separated" chevronPosition="left">
        <Accordion.Item value="more">
          <Accordion.Control>{t("senders.speed")}</Accordion.Control>
          <Accordion.Panel>
            <Stack gap="sm">
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                <NumberInput
                  label={t("senders.rate")}
                  description={t("senders.rateHint")}
                  min={0}
                  {...get("rate")}
                />
                <NumberInput
                  label={t("senders.connections")}
                  description={t("senders.connectionsHint")}
                  min={1}
                  max={500}
                  allowDecimal={false}
                  {...get("connections")}
                />
              </SimpleGrid>
              <Select
                label={t("senders.uncertain")}
                allowDeselect={false}
                data={["resend", "leave"].map((value) => ({
                  value,
                  label: t(`senders.uncertains.${value as "leave"}`),
                }))}
                {...get("on_uncertain")}
              />
              {texts && (
                <SimpleGrid cols={{ base: 1, sm: 2 }}>
                  <TextInput
                    label={t("senders.price")}
                    description={t("senders.priceHint")}
                    inputMode="decimal"
                    {...get("price")}
                  />
                  <TextInput label={t("senders.currency")} {...get("currency")} />
                  <TextInput
                    label={t("senders.brand")}
                    description={t("senders.brandHint")}
                    dir="auto"
                    {...get("brand")}
                  />
                  <TextInput
                    label={t("senders.helpContact")}
                    description={t("senders.helpContactHint")}
                    dir="auto"
                    {...get("help_contact")}
                  />
                </SimpleGrid>
              )}
            </Stack>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
      {stale && (
        <Group>
          <Anchor component="button" type="button" size="sm" onClick={onClose}>
            {t("senders.loadNewer")}
          </Anchor>
        </Group>
      )}
    </FormDialog>
  );
}

/** A secret that is never shown: left empty, the stored one stays. */
function Secret({ stored, description, ...props }: { stored: boolean; label: string; description?: string }) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      autoComplete="new-password"
      description={description ?? (stored ? t("senders.secretStays") : undefined)}
      placeholder={stored ? "••••••••" : undefined}
      {...props}
    />
  );
}
