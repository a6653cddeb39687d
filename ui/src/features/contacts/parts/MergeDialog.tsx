/** Finds the contact that is the same person, shows both side by side, and makes one of them. */
import { Button, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { contactsPage, type Person } from "../queries";
import { Merging } from "./Merging";
import { nameOf } from "./names";

export function MergeDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
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
      size="xl"
    >
      <Stack gap="sm">
        {other ? (
          <Merging
            one={person}
            other={other}
            onBack={() => setOther(undefined)}
            onDone={(merged) => {
              onClose();
              void go({ to: "/contacts/$id", params: { id: String(merged.contact_id) } });
            }}
          />
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
