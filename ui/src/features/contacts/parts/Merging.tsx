/** Two contacts side by side: which one is kept, whose values stay, and what becomes of the rest. */
import { Alert, Anchor, Button, Group, Radio, Table, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { fieldsQuery } from "~/api/fields";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { rowsOf, stricter } from "../merging";
import { type Person, renewContacts } from "../queries";
import { nameOf, shown } from "./names";

export function Merging({
  one,
  other,
  onBack,
  onDone,
}: {
  one: Person;
  other: Person;
  onBack: () => void;
  onDone: (merged: Person) => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [kept, setKept] = useState(one.contact_id);
  /** Whose value stays, where somebody said so. */
  const [chosen, setChosen] = useState<Record<string, number>>({});
  const label = useLabel();
  const drop = kept === one.contact_id ? other.contact_id : one.contact_id;
  const rows = rowsOf(one, other);
  const stays = (name: string) => chosen[name] ?? kept;
  const merge = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/syncom/v1/contacts/{contact_id}/merge", {
          params: { path: { contact_id: kept } },
          body: {
            drop_id: drop,
            take: rows.filter((row) => row.differs && stays(row.name) === drop).map((row) => row.name),
          },
        }),
      ),
    onSuccess: (merged) => {
      client.removeQueries({ queryKey: ["contact", drop] });
      renewContacts(client);
      tellDone(t("contacts.merged"));
      onDone(merged);
    },
  });
  const both = [
    { person: one, side: "one" },
    { person: other, side: "other" },
  ] as const;
  return (
    <>
      <Table.ScrollContainer minWidth={460}>
        <Table layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={130}>{t("contacts.whichStays")}</Table.Th>
              {both.map(({ person }) => (
                <Table.Th key={person.contact_id}>
                  <Radio
                    name="kept"
                    checked={kept === person.contact_id}
                    onChange={() => setKept(person.contact_id)}
                    label={nameOf(person)}
                    dir="auto"
                    style={{ overflowWrap: "anywhere" }}
                  />
                  <Anchor
                    size="xs"
                    renderRoot={(props) => (
                      <Link
                        {...props}
                        to="/contacts/$id"
                        params={{ id: String(person.contact_id) }}
                        target="_blank"
                      />
                    )}
                  >
                    {t("contacts.duplicates.open", { id: person.contact_id })}
                  </Anchor>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.name}>
                <Table.Th fw={500} style={{ overflowWrap: "anywhere" }}>
                  {label(row.name)}
                </Table.Th>
                {both.map(({ person, side }) => (
                  <Table.Td key={side} style={{ overflowWrap: "anywhere" }}>
                    {row.differs ? (
                      <Radio
                        size="xs"
                        name={row.name}
                        checked={stays(row.name) === person.contact_id}
                        onChange={() => setChosen({ ...chosen, [row.name]: person.contact_id })}
                        aria-label={`${label(row.name)}: ${shown(row[side])}`}
                        label={<Value value={row[side]} />}
                      />
                    ) : (
                      <Value value={row[side]} />
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Alert color="yellow">
        <Text size="sm">{t("contacts.mergeWhat")}</Text>
        <Consent one={one} other={other} />
      </Alert>
      {merge.error && <Failed error={merge.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onBack}>
          {t("common.back")}
        </Button>
        <Button color="red" loading={merge.isPending} onClick={() => merge.mutate()}>
          {t("contacts.mergeAct")}
        </Button>
      </Group>
    </>
  );
}

function Value({ value }: { value: unknown }) {
  return (
    <Text span size="sm" dir="auto" lineClamp={4}>
      {shown(value) || "–"}
    </Text>
  );
}

/** What the consent for a channel becomes, where the two differ. */
function Consent({ one, other }: { one: Person; other: Person }) {
  const { t } = useTranslation();
  const channels = [
    ["email", one.email_state, other.email_state],
    ["sms", one.sms_state, other.sms_state],
    ["webpush", one.push_state, other.push_state],
  ] as const;
  return channels
    .filter(([, mine, theirs]) => mine !== theirs)
    .map(([channel, mine, theirs]) => (
      <Text key={channel} size="sm">
        {t("contacts.duplicates.consent", {
          channel: t(`contacts.channels.${channel}`),
          state: t(`contacts.states.${stricter(mine, theirs)}`),
        })}
      </Text>
    ));
}

/** What a member or a custom field is called. */
function useLabel(): (name: string) => string {
  const { t } = useTranslation();
  const fields = useQuery({ ...fieldsQuery, enabled: useMay("read_settings") });
  return (name) => {
    if (!name.startsWith("fields.")) return t(`contacts.members.${name}` as "contacts.members.city");
    const key = name.slice("fields.".length);
    return fields.data?.find((one) => one.key === key)?.name || key;
  };
}
