/** Who a contact is: addresses, members and custom fields, edited where they stand. */
import { Button, Group, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { contactQuery, MEMBERS } from "~/api/contacts";
import { fieldsQuery } from "~/api/fields";
import type { ContactInput, CustomField } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { dateTime } from "~/ui/format";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { addressesQuery, type Person, renewContacts } from "../queries";
import { FieldInput, type FieldValue, sentValue, typedValue } from "./FieldInput";
import { shown, word } from "./names";
import { Panel } from "./Panel";

const KEYS = ["email", "phone", "external_id", "contact_key"] as const;
const SHOWN = [...KEYS, ...MEMBERS];

export function Profile({ person }: { person: Person }) {
  const { t } = useTranslation();
  const mayWrite = useMay("write_contacts");
  const mayRead = useMay("read_settings");
  const fields = useQuery({ ...fieldsQuery, enabled: mayRead });
  const [isEdited, setEdited] = useState(false);
  return (
    <Panel
      title={t("contacts.profile")}
      act={
        mayWrite &&
        !isEdited && (
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPencil size={15} aria-hidden />}
            onClick={() => setEdited(true)}
          >
            {t("common.edit")}
          </Button>
        )
      }
    >
      {isEdited && (fields.data || !mayRead) ? (
        <Editing person={person} fields={fields.data ?? []} onEnd={() => setEdited(false)} />
      ) : (
        <Facts person={person} fields={fields.data ?? []} />
      )}
    </Panel>
  );
}

function Facts({ person, fields }: { person: Person; fields: readonly CustomField[] }) {
  const { t } = useTranslation();
  const further = useQuery(addressesQuery(person.contact_id)).data?.filter((one) => !one.primary) ?? [];
  const facts: [string, string][] = [
    ...SHOWN.map((name): [string, string] => [t(`contacts.members.${name}`), person[name] ?? ""]),
    ...further.map((one): [string, string] => [
      t("contacts.further", { kind: word(t, "members", one.kind) }),
      one.value,
    ]),
    ...fields.map((field): [string, string] => [
      field.name || field.key,
      field.type === "datetime" && person.fields[field.key]
        ? dateTime(String(person.fields[field.key]))
        : shown(person.fields[field.key]),
    ]),
  ];
  return (
    <Stack gap={6} component="dl" m={0}>
      {facts
        .filter(([, value]) => value !== "")
        .map(([name, value], index) => (
          <Group key={index} gap="xs" wrap="nowrap" align="flex-start">
            <Text
              size="sm"
              c="dimmed"
              component="dt"
              w={130}
              style={{ flexShrink: 0, overflowWrap: "anywhere" }}
            >
              {name}
            </Text>
            <Text
              size="sm"
              component="dd"
              m={0}
              dir="auto"
              lineClamp={6}
              style={{ overflowWrap: "anywhere", minWidth: 0 }}
            >
              {value}
            </Text>
          </Group>
        ))}
    </Stack>
  );
}

type Values = { [name: string]: FieldValue };
/** In the form a custom field has a name that no member has; and no dot, which would lead into an object. */
const CUSTOM = "custom_";

function Editing({
  person,
  fields,
  onEnd,
}: {
  person: Person;
  fields: readonly CustomField[];
  onEnd: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [first] = useState(() => valuesOf(person, fields));
  const { form, submit, sending, failure } = useServerForm<Values, Person>({
    initialValues: first,
    fieldOf: (field) => field.replace(/^fields\./, CUSTOM),
    send: (values) =>
      ask(
        api.PATCH("/syncom/v1/contacts/{contact_id}", {
          params: { path: { contact_id: person.contact_id } },
          body: changes(first, values, fields),
        }),
      ),
    onDone: (changed) => {
      client.setQueryData(contactQuery(person.contact_id).queryKey, changed);
      renewContacts(client);
      tellDone(t("common.saved"));
      onEnd();
    },
  });
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        {KEYS.map((name) => (
          <TextInput
            key={name}
            label={t(`contacts.members.${name}`)}
            dir="auto"
            {...form.getInputProps(name)}
          />
        ))}
        <SimpleGrid cols={2} spacing="xs">
          {MEMBERS.map((name) => (
            <TextInput
              key={name}
              label={t(`contacts.members.${name}`)}
              dir="auto"
              {...form.getInputProps(name)}
            />
          ))}
        </SimpleGrid>
        {fields.map((field) => (
          <FieldInput
            key={field.field_id}
            label={field.name || field.key}
            type={field.type}
            choices={field.choices}
            {...form.getInputProps(CUSTOM + field.key)}
          />
        ))}
        {failure !== undefined && <Failed error={failure} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onEnd}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={sending}>
            {t("common.save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function valuesOf(person: Person, fields: readonly CustomField[]): Values {
  return Object.fromEntries([
    ...SHOWN.map((name) => [name, person[name] ?? ""]),
    ...fields.map((field) => [CUSTOM + field.key, typedValue(field.type, person.fields[field.key])]),
  ]);
}

/** Only what was changed: two people may edit different fields of one contact. */
export function changes(before: Values, after: Values, fields: readonly CustomField[]): ContactInput {
  const differs = (name: string) => JSON.stringify(before[name]) !== JSON.stringify(after[name]);
  const members = SHOWN.filter(differs).map((name) => [name, String(after[name])]);
  const custom = fields
    .filter((field) => differs(CUSTOM + field.key))
    .map((field) => [field.key, sentValue(field.type, after[CUSTOM + field.key] ?? "")]);
  return {
    ...Object.fromEntries(members),
    ...(custom.length > 0 ? { fields: Object.fromEntries(custom) } : {}),
  };
}
