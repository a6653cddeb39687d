/** Go anywhere, and find contacts, by keyboard. */

import { useDebouncedValue } from "@mantine/hooks";
import { createSpotlight, Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconSearch, IconUser } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { usePlaces } from "./Shell";

const [store, spotlight] = createSpotlight();

export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [text, setText] = useState("");
  const [settled] = useDebouncedValue(text.trim(), 150);
  useEffect(() => spotlight.open(), []);
  const found = useQuery({
    queryKey: ["contact", "palette", settled],
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/contacts", { params: { query: { email: settled, limit: 5 } as never }, signal }),
      ),
    enabled: settled.includes("@"),
  });
  const groups: SpotlightActionGroupData[] = [
    {
      group: t("palette.places"),
      actions: usePlaces().flatMap((section) =>
        section.places.map((place) => ({
          id: place.path,
          label: t(`nav.${place.name}` as "nav.home"),
          leftSection: <place.icon size={20} aria-hidden />,
          onClick: () => void go({ to: place.path as "/" }),
        })),
      ),
    },
  ];
  const people = found.data?.items ?? [];
  if (people.length > 0)
    groups.push({
      group: t("nav.contacts"),
      actions: people.map((contact) => ({
        id: `contact-${contact.contact_id}`,
        label: contact.email ?? String(contact.contact_id),
        keywords: text,
        leftSection: <IconUser size={20} aria-hidden />,
        onClick: () => void go({ to: `/contacts/${contact.contact_id}` as "/" }),
      })),
    });
  return (
    <Spotlight
      store={store}
      actions={groups}
      query={text}
      onQueryChange={setText}
      onSpotlightClose={onClose}
      nothingFound={t("palette.nothing")}
      highlightQuery
      scrollable
      maxHeight={420}
      shortcut={null}
      searchProps={{
        leftSection: <IconSearch size={20} aria-hidden />,
        placeholder: t("palette.placeholder"),
        "aria-label": t("palette.placeholder"),
      }}
    />
  );
}
