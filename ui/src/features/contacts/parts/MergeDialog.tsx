/** Finds the contact that is the same person, shows both side by side, and makes one of them. */
import { Alert, Button, Group, Modal, Radio, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { contactsPage, type Person, renewContacts } from "../queries";
import { nameOf } from "./names";

export function MergeDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useTranslation();
  const [words, setWords] = useState("");
  const [settled] = useDebouncedValue(words.trim(), 250);
  const [other, setOther] = useState<Person>();
  const found = useQuery({
    queryKey: ["contact", "merge", settled],
    queryFn: ({ signal }) =>
      contactsPage({ search: settled, order: "newest", condition: null }, undefined, signal),
    enabled: settled.length > 1,
  });
  const others = (found.data?.items ?? []).filter((one) => one.contact_id !== person.contact_id).slice(0, 8);
  return (
    <Modal
      opened
      onClose={onClose}
      closeButtonProps={{ "aria-label": t("common.close") }}
      title={t("contacts.merge")}
      size="lg"
    >
      <Stack gap="sm">
        {other ? (
          <Both one={person} other={other} onBack={() => setOther(undefined)} onClose={onClose} />
        ) : (
          <>
            <TextInput
              label={t("contacts.mergeWith")}
              description={t("contacts.find")}
              leftSection={<IconSearch size={16} aria-hidden />}
              value={words}
              onChange={(event) => setWords(event.currentTarget.value)}
              data-autofocus
              maxLength={300}
            />
            {found.error && <Failed error={found.error} />}
            {others.map((one) => (
              <Button
                key={one.contact_id}
                variant="default"
                justify="flex-start"
                onClick={() => setOther(one)}
                dir="auto"
              >
                {[nameOf(one), one.email, one.phone]
                  .filter((text, at, all) => text && all.indexOf(text) === at)
                  .join(" · ")}
              </Button>
            ))}
            {found.data && others.length === 0 && (
              <Text size="sm" c="dimmed">
                {t("contacts.noneFound")}
              </Text>
            )}
          </>
        )}
      </Stack>
    </Modal>
  );
}

/** Which of the two goes on; nothing of the other is lost but what both have. */
export function Both({
  one,
  other,
  onBack,
  onClose,
}: {
  one: Person;
  other: Person;
  onBack: () => void;
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const go = useNavigate();
  const [kept, setKept] = useState(String(one.contact_id));
  const drop = kept === String(one.contact_id) ? other : one;
  const merge = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/syncom/v1/contacts/{contact_id}/merge", {
          params: { path: { contact_id: Number(kept) } },
          body: { drop_id: drop.contact_id },
        }),
      ),
    onSuccess: (merged) => {
      client.removeQueries({ queryKey: ["contact", drop.contact_id] });
      renewContacts(client);
      tellDone(t("contacts.merged"));
      onClose();
      void go({ to: "/contacts/$id", params: { id: String(merged.contact_id) } });
    },
  });
  return (
    <>
      <Radio.Group label={t("contacts.whichStays")} value={kept} onChange={setKept}>
        <SimpleGrid cols={{ base: 1, xs: 2 }} mt="xs">
          {[one, other].map((each) => (
            <Radio.Card key={each.contact_id} value={String(each.contact_id)} p="sm" radius="md">
              <Group wrap="nowrap" align="flex-start">
                <Radio.Indicator />
                <div style={{ minWidth: 0, overflowWrap: "anywhere" }}>
                  <Text size="sm" fw={600} dir="auto" lineClamp={3}>
                    {nameOf(each)}
                  </Text>
                  {[each.email, each.phone, each.external_id, each.city].filter(Boolean).map((text) => (
                    <Text size="sm" key={text} dir="auto">
                      {text}
                    </Text>
                  ))}
                </div>
              </Group>
            </Radio.Card>
          ))}
        </SimpleGrid>
      </Radio.Group>
      <Alert color="yellow">{t("contacts.mergeWhat")}</Alert>
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
