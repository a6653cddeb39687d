/** Lists and segments of a contact. */
import { ActionIcon, Anchor, Badge, Group, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";
import { tellDone, tellFailed } from "~/ui/tell";
import { contactListsQuery, contactSegmentsQuery, renewContacts } from "../queries";
import { Panel } from "./Panel";

export function Groups({ id }: { id: number }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWrite = useMay("write_contacts");
  const lists = useQuery(contactListsQuery(id));
  const segments = useQuery(contactSegmentsQuery(id));
  const change = useMutation({
    mutationFn: ({ list, way }: { list: number; way: "add" | "remove" }) => {
      const call = { params: { path: { list_id: list } }, body: { contact_ids: [id] } };
      return way === "add"
        ? ask(api.POST("/syncom/v1/lists/{list_id}/members", call))
        : ask(api.POST("/syncom/v1/lists/{list_id}/members/remove", call));
    },
    onSuccess: (_, { list, way }) => {
      renewContacts(client);
      if (way === "remove") tellDone(t("contacts.takenOff"), () => change.mutate({ list, way: "add" }));
    },
    onError: tellFailed,
  });
  return (
    <Panel title={t("contacts.groups")}>
      <Stack gap="xs">
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            {t("nav.lists")}
          </Text>
          <Group gap={6}>
            {lists.data?.length === 0 && <Text size="sm">{t("contacts.noLists")}</Text>}
            {lists.data?.map((one) => (
              <Badge
                key={one.list_id}
                size="lg"
                tt="none"
                color="gray"
                maw="100%"
                rightSection={
                  mayWrite && (
                    <ActionIcon
                      size={24}
                      variant="transparent"
                      color="gray"
                      aria-label={t("contacts.takeOff", { name: one.name })}
                      onClick={() => change.mutate({ list: one.list_id, way: "remove" })}
                    >
                      <IconX size={13} aria-hidden />
                    </ActionIcon>
                  )
                }
              >
                <Anchor
                  size="sm"
                  dir="auto"
                  renderRoot={(props) => (
                    <Link {...props} to="/lists/$id" params={{ id: String(one.list_id) }} />
                  )}
                >
                  {one.name}
                </Anchor>
              </Badge>
            ))}
          </Group>
        </div>
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            {t("nav.segments")}
          </Text>
          <Group gap={6}>
            {segments.data?.length === 0 && <Text size="sm">{t("contacts.noSegments")}</Text>}
            {segments.data?.map((one) => (
              <Badge key={one.segment_id} size="lg" tt="none" color="syncom" maw="100%">
                <Anchor
                  size="sm"
                  dir="auto"
                  renderRoot={(props) => (
                    <Link {...props} to={`/segments/${one.segment_id}` as "/contacts"} />
                  )}
                >
                  {one.name}
                </Anchor>
              </Badge>
            ))}
          </Group>
        </div>
      </Stack>
    </Panel>
  );
}
