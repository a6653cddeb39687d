import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { contactQuery } from "~/api/contacts";
import { useMay } from "~/api/session";

/** How a contact is called: the address, else the phone number, else its number. */
export function useContactName(id: number): string {
  const may = useMay("read_contacts");
  const { data } = useQuery({ ...contactQuery(id), enabled: may });
  return data?.email || data?.phone || `#${id}`;
}

export function ContactName({ id, onOpen }: { id: number; onOpen?: () => void }) {
  const name = useContactName(id);
  return onOpen ? (
    <Anchor component="button" size="sm" onClick={onOpen} dir="auto">
      {name}
    </Anchor>
  ) : (
    <span dir="auto">{name}</span>
  );
}
