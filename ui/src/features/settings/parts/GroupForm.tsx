import {
  ActionIcon,
  Button,
  Group,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Sender, SenderGroup } from "~/api/schema";
import { confirm } from "~/ui/confirm";
import { FormDialog } from "~/ui/FormDialog";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { CHANNELS } from "../senders";

type Member = { sender_id: string; weight: number | string; priority: number | string };

/** Several senders under one name: how much each gets, and who steps in. */
export function GroupForm({
  group,
  senders,
  onClose,
}: {
  group?: SenderGroup;
  senders: Sender[];
  onClose: () => void;
}) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: group?.name ?? "",
      failover_after: (group?.failover_after ?? 30) as number | string,
      is_default: group?.is_default ?? false,
      members: (group?.members.map((one) => ({
        sender_id: String(one.sender_id),
        weight: one.weight,
        priority: one.priority,
      })) ?? [{ sender_id: "", weight: 1, priority: 1 }]) as Member[],
    },
    validate: { members: { sender_id: (value) => (value === "" ? t("senders.chooseSender") : null) } },
    send: (values) => {
      const body = {
        name: values.name,
        failover_after: Number(values.failover_after),
        is_default: values.is_default,
        members: values.members.map((one) => ({
          sender_id: Number(one.sender_id),
          weight: Number(one.weight),
          priority: Number(one.priority),
        })),
      };
      if (!group) return ask(api.POST("/syncom/v1/sender-groups", { body }));
      const path = { group_id: group.sender_id };
      return ask(api.PUT("/syncom/v1/sender-groups/{group_id}", { params: { path }, body }));
    },
    onDone: () => {
      void client.invalidateQueries({ queryKey: ["sender"] });
      tellDone(t("common.saved"));
      onClose();
    },
  });
  const remove = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/senders/{sender_id}", {
          params: { path: { sender_id: group?.sender_id ?? 0 } },
        }),
      ),
    { renews: [["sender"]], done: t("senders.groupGone"), onDone: onClose },
  );
  const choices = senders.map((one) => ({
    value: String(one.sender_id),
    label: `${one.name} (${t(`senders.channels.${CHANNELS[one.channel] ?? "email"}`)})`,
  }));
  return (
    <FormDialog
      title={group ? t("senders.changeGroup") : t("senders.addGroup")}
      act={group ? t("common.save") : t("senders.addGroup")}
      size="lg"
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("common.name")}
        required
        data-autofocus
        dir="auto"
        {...form.getInputProps("name")}
      />
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          {t("senders.weightHint")}
        </Text>
        {form.values.members.map((_, place) => (
          <Group key={place} align="flex-start" gap="xs" wrap="nowrap">
            <Select
              flex={2}
              label={place === 0 ? t("senders.sender") : undefined}
              aria-label={t("senders.sender")}
              searchable
              data={choices}
              {...form.getInputProps(`members.${place}.sender_id`)}
            />
            <NumberInput
              flex={1}
              label={place === 0 ? t("senders.weight") : undefined}
              aria-label={t("senders.weight")}
              min={1}
              allowDecimal={false}
              {...form.getInputProps(`members.${place}.weight`)}
            />
            <NumberInput
              flex={1}
              label={place === 0 ? t("senders.priority") : undefined}
              aria-label={t("senders.priority")}
              min={1}
              allowDecimal={false}
              {...form.getInputProps(`members.${place}.priority`)}
            />
            <ActionIcon
              variant="subtle"
              color="red"
              mt={place === 0 ? 28 : 4}
              aria-label={t("senders.removeMember")}
              disabled={form.values.members.length < 2}
              onClick={() => form.removeListItem("members", place)}
            >
              <IconTrash size={18} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            variant="default"
            size="xs"
            onClick={() => form.insertListItem("members", { sender_id: "", weight: 1, priority: 1 })}
          >
            {t("senders.addMember")}
          </Button>
        </Group>
      </Stack>
      <NumberInput
        label={t("senders.failover")}
        description={t("senders.failoverHint")}
        min={1}
        max={3600}
        {...form.getInputProps("failover_after")}
      />
      <Switch label={t("senders.makeDefault")} {...form.getInputProps("is_default", { type: "checkbox" })} />
      {group && (
        <Group>
          <Button
            variant="light"
            color="red"
            size="xs"
            onClick={() =>
              confirm({
                title: t("senders.deleteGroup"),
                text: t("senders.deleteGroupAsk", { name: group.name }),
                act: t("senders.deleteGroup"),
                onYes: () => remove.mutate(),
              })
            }
          >
            {t("senders.deleteGroup")}
          </Button>
        </Group>
      )}
    </FormDialog>
  );
}
