/** Over which channels a person may be reached, and their choice. */
import { Button, Checkbox, Group, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { categoriesQuery } from "~/api/categories";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone, tellFailed } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { contactCategoriesQuery, type Person, renewContacts } from "../queries";
import { CHANNELS, type ChannelName } from "../searches";
import { Panel } from "./Panel";
import { StateBadge } from "./StateBadge";

export function Subscriptions({ person }: { person: Person }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const [asked, setAsked] = useState<ChannelName>();
  const id = person.contact_id;
  const unsubscribe = useMutation({
    mutationFn: (channel: ChannelName) => decide(id, channel, "unsubscribed"),
    onSuccess: () => {
      renewContacts(client);
      tellDone(t("contacts.unsubscribed"));
    },
    onError: tellFailed,
  });
  const invite = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/syncom/v1/contacts/{contact_id}/confirmation", {
          params: { path: { contact_id: id } },
          body: {},
        }),
      ),
    onSuccess: ({ outcome }) => {
      renewContacts(client);
      tellDone(t(`contacts.invited.${outcome}` as "contacts.invited.mailed"));
    },
    onError: tellFailed,
  });
  return (
    <Panel title={t("contacts.subscriptions")}>
      <Stack gap="xs">
        {CHANNELS.map((channel) => {
          const state = stateOf(person, channel);
          return (
            <Group key={channel} justify="space-between" gap={4}>
              <Group gap={4}>
                <Text size="sm" w={68}>
                  {t(`contacts.channels.${channel}`)}
                </Text>
                <StateBadge state={state} />
              </Group>
              {mayWrite && has(person, channel) && (
                <Group gap={4}>
                  {channel === "email" && state !== "subscribed" && (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      loading={invite.isPending}
                      onClick={() => invite.mutate()}
                    >
                      {t("contacts.invite")}
                    </Button>
                  )}
                  {state === "subscribed" || state === "unconfirmed" ? (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      color="red"
                      loading={unsubscribe.isPending && unsubscribe.variables === channel}
                      onClick={() =>
                        confirm({
                          title: t("contacts.deeds.unsubscribe"),
                          text: t("contacts.unsubscribeWhat"),
                          act: t("contacts.deeds.unsubscribe"),
                          onYes: () => unsubscribe.mutate(channel),
                        })
                      }
                    >
                      {t("contacts.unsubscribe")}
                    </Button>
                  ) : (
                    <Button size="compact-xs" variant="subtle" onClick={() => setAsked(channel)}>
                      {t("contacts.subscribe")}
                    </Button>
                  )}
                </Group>
              )}
            </Group>
          );
        })}
        <Categories id={id} />
      </Stack>
      {asked && <ProofDialog person={person} channel={asked} onClose={() => setAsked(undefined)} />}
    </Panel>
  );
}

function Categories({ id }: { id: number }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const categories = useQuery(categoriesQuery);
  const chosen = useQuery(contactCategoriesQuery(id));
  const choose = useMutation({
    mutationFn: (keys: string[]) =>
      ask(
        api.PUT("/syncom/v1/contacts/{contact_id}/categories", {
          params: { path: { contact_id: id } },
          body: { keys },
        }),
      ),
    onSuccess: ({ keys }) => {
      client.setQueryData(contactCategoriesQuery(id).queryKey, keys);
      renewContacts(client);
    },
    onError: tellFailed,
  });
  if (!categories.data || categories.data.length === 0 || !chosen.data) return null;
  return (
    <Checkbox.Group
      label={t("contacts.categories")}
      value={chosen.data}
      onChange={(keys) => choose.mutate(keys)}
      mt="xs"
    >
      <Stack gap={6} mt={4}>
        {categories.data.map((one) => (
          <Checkbox
            key={one.category_id}
            size="sm"
            value={one.key}
            label={one.name}
            disabled={!mayWrite || choose.isPending}
          />
        ))}
      </Stack>
    </Checkbox.Group>
  );
}

/** Subscribing somebody needs words on where they agreed: the record is what proves it later. */
function ProofDialog({
  person,
  channel,
  onClose,
}: {
  person: Person;
  channel: ChannelName;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { proof: "" },
    validate: { proof: (value) => (value.trim() === "" ? t("contacts.sayProof") : null) },
    send: ({ proof }) => decide(person.contact_id, channel, "subscribed", { proof }),
    onDone: (changed) => {
      renewContacts(client);
      if (stateOf(changed, channel) === "subscribed") tellDone(t("contacts.subscribed"));
      else tellDone(t("contacts.staysUnsubscribed"));
      onClose();
    },
  });
  return (
    <FormDialog
      title={t("contacts.deeds.subscribe")}
      act={t("contacts.subscribe")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      {stateOf(person, channel) === "unsubscribed" && (
        <Text size="sm" c="dimmed">
          {t("contacts.ownWill")}
        </Text>
      )}
      <Textarea
        label={t("contacts.proof")}
        description={t("contacts.proofHint")}
        autosize
        minRows={2}
        dir="auto"
        data-autofocus
        {...form.getInputProps("proof")}
      />
    </FormDialog>
  );
}

function decide(id: number, channel: string, state: string, detail: { [name: string]: unknown } = {}) {
  return ask(
    api.POST("/syncom/v1/contacts/{contact_id}/subscriptions", {
      params: { path: { contact_id: id } },
      body: { channel, state, detail },
    }),
  );
}

function stateOf(person: Person, channel: ChannelName): string {
  return channel === "email" ? person.email_state : channel === "sms" ? person.sms_state : person.push_state;
}

/** Whether there is anything to reach them by; a push is given by the browser alone. */
function has(person: Person, channel: ChannelName): boolean {
  if (channel === "email") return person.email !== null;
  if (channel === "sms") return person.phone !== null;
  return person.push_state === "subscribed";
}
