import { Anchor, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

type Whose = {
  contact_id: number | null;
  contact_name: string;
  email: string | null;
  phone: string | null;
};

/** Whose a fact is, as a link; nobody where it is of nobody who is known. */
export function Person({ of }: { of: Whose }) {
  const { t } = useTranslation();
  if (of.contact_id === null)
    return (
      <Text size="sm" c="dimmed" component="span">
        {t("facts.nobody")}
      </Text>
    );
  return (
    <Anchor
      size="sm"
      dir="auto"
      renderRoot={(props) => <Link {...props} to={`/contacts/${of.contact_id}` as "/"} />}
    >
      {of.contact_name || of.email || of.phone || `#${of.contact_id}`}
    </Anchor>
  );
}
