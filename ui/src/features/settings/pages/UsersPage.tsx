import { Badge, Button, Group, Menu, Paper, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconUserPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Role, User } from "~/api/schema";
import { useSession } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { FormDialog } from "~/ui/FormDialog";
import { MoreMenu } from "~/ui/MoreMenu";
import { Once } from "~/ui/Once";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";
import { usersQuery } from "../queries";
import { givable, roles } from "../roles";

/** A password that was made: shown once. */
type Made = { email: string; password: string };

export function UsersPage() {
  const { t } = useTranslation();
  const users = useQuery(usersQuery);
  const [adding, setAdding] = useState(false);
  const [giving, setGiving] = useState<User>();
  const [made, setMade] = useState<Made>();
  const columns = useMemo<Column<User>[]>(
    () => [
      {
        id: "who",
        header: t("settings.users.who"),
        width: "2fr",
        cell: (user) => (
          <span dir="auto">
            {user.name ? `${user.name} · ` : ""}
            {user.email}
          </span>
        ),
      },
      { id: "role", header: t("settings.users.role"), cell: (user) => <RoleChoice user={user} /> },
      {
        id: "state",
        header: t("settings.users.state"),
        cell: (user) => (
          <Group gap={4} wrap="nowrap">
            {user.disabled_at && <Badge color="red">{t("settings.users.locked")}</Badge>}
            <Badge color={user.two_factor ? "teal" : "gray"}>
              {user.two_factor ? t("settings.users.twoFactor") : t("settings.users.noTwoFactor")}
            </Badge>
          </Group>
        ),
      },
      { id: "since", header: t("settings.since"), cell: (user) => <Time at={user.created_at} relative /> },
      {
        id: "acts",
        header: t("settings.acts"),
        width: "76px",
        cell: (user) => <Acts user={user} onPassword={() => setGiving(user)} />,
      },
    ],
    [t],
  );
  return (
    <SettingsPage
      title={t("settings.places.users.title")}
      soft={t("settings.places.users.soft")}
      actions={
        <Button leftSection={<IconUserPlus size={18} aria-hidden />} onClick={() => setAdding(true)}>
          {t("settings.users.add")}
        </Button>
      }
    >
      <DataTable
        label={t("settings.places.users.title")}
        columns={columns}
        rows={users.data?.items ?? []}
        rowKey={(user) => String(user.user_id)}
        {...listState(users)}
      />
      <Roles />
      {adding && (
        <AddUser
          onClose={() => setAdding(false)}
          onMade={(found) => {
            setAdding(false);
            setMade(found);
          }}
        />
      )}
      {giving && (
        <GivePassword
          user={giving}
          onClose={() => setGiving(undefined)}
          onMade={(found) => {
            setGiving(undefined);
            setMade(found);
          }}
        />
      )}
      {made && (
        <Once
          title={t("settings.users.passwordOf", { email: made.email })}
          secret={made.password}
          hint={t("settings.users.passwordOnce")}
          onClose={() => setMade(undefined)}
        />
      )}
    </SettingsPage>
  );
}

function RoleChoice({ user }: { user: User }) {
  const { t } = useTranslation();
  const session = useSession();
  const change = useAct(
    (role: Role) =>
      ask(
        api.PATCH("/syncom/v1/users/{user_id}", {
          params: { path: { user_id: user.user_id } },
          body: { role },
        }),
      ),
    { renews: [usersQuery.queryKey, ["session"]], done: t("settings.users.roleChanged") },
  );
  const able = givable(session.data?.role);
  if (!able.includes(user.role)) return t(`settings.roles.${user.role}.name`);
  return (
    <Select
      size="xs"
      w={140}
      aria-label={t("settings.users.roleOf", { email: user.email })}
      allowDeselect={false}
      value={user.role}
      disabled={change.isPending}
      data={able.map((role) => ({ value: role, label: t(`settings.roles.${role}.name`) }))}
      onChange={(role) => role && role !== user.role && change.mutate(role as Role)}
    />
  );
}

function Acts({ user, onPassword }: { user: User; onPassword: () => void }) {
  const { t } = useTranslation();
  const session = useSession();
  const path = { params: { path: { user_id: user.user_id } } };
  const renews = [usersQuery.queryKey];
  const lock = useAct(
    (disabled: boolean) => ask(api.PATCH("/syncom/v1/users/{user_id}", { ...path, body: { disabled } })),
    {
      renews,
      done: (_, disabled) => t(disabled ? "settings.users.lockedOut" : "settings.users.letIn"),
    },
  );
  const reset = useAct(() => ask(api.POST("/syncom/v1/users/{user_id}/two-factor/reset", path)), {
    renews,
    done: t("settings.users.twoFactorGone"),
  });
  const remove = useAct(() => ask(api.DELETE("/syncom/v1/users/{user_id}", path)), {
    renews,
    done: t("settings.users.removed"),
  });
  const own = user.user_id === session.data?.user_id;
  const email = user.email;
  return (
    <MoreMenu label={t("settings.users.actsOf", { email })}>
      <Menu.Item onClick={onPassword}>{t("settings.users.newPassword")}</Menu.Item>
      {user.two_factor && !own && (
        <Menu.Item
          onClick={() =>
            confirm({
              title: t("settings.users.resetTwoFactor"),
              text: t("settings.users.resetTwoFactorAsk", { email }),
              act: t("settings.users.resetTwoFactor"),
              onYes: () => reset.mutate(),
            })
          }
        >
          {t("settings.users.resetTwoFactor")}
        </Menu.Item>
      )}
      {user.disabled_at ? (
        <Menu.Item onClick={() => lock.mutate(false)}>{t("settings.users.letInAct")}</Menu.Item>
      ) : (
        !own && (
          <Menu.Item
            color="red"
            onClick={() =>
              confirm({
                title: t("settings.users.lock"),
                text: t("settings.users.lockAsk", { email }),
                act: t("settings.users.lock"),
                onYes: () => lock.mutate(true),
              })
            }
          >
            {t("settings.users.lock")}
          </Menu.Item>
        )
      )}
      {!own && (
        <Menu.Item
          color="red"
          onClick={() =>
            confirm({
              title: t("settings.users.remove"),
              text: t("settings.users.removeAsk", { email }),
              act: t("settings.users.remove"),
              onYes: () => remove.mutate(),
            })
          }
        >
          {t("settings.users.remove")}
        </Menu.Item>
      )}
    </MoreMenu>
  );
}

function AddUser({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const session = useSession();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { email: "", name: "", role: "marketer" as Role, password: "" },
    send: ({ password, ...rest }) =>
      ask(api.POST("/syncom/v1/users", { body: password === "" ? rest : { ...rest, password } })),
    onDone: (answer) => {
      void client.invalidateQueries(usersQuery);
      if (answer.password === null) {
        tellDone(t("settings.users.added", { email: answer.user.email }));
        onClose();
      } else onMade({ email: answer.user.email, password: answer.password });
    },
  });
  return (
    <FormDialog
      title={t("settings.users.add")}
      act={t("settings.users.add")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("settings.users.email")}
        inputMode="email"
        autoComplete="off"
        required
        data-autofocus
        {...form.getInputProps("email")}
      />
      <TextInput label={t("settings.users.name")} autoComplete="off" {...form.getInputProps("name")} />
      <Select
        label={t("settings.users.role")}
        description={t(`settings.roles.${form.values.role}.may`)}
        allowDeselect={false}
        data={givable(session.data?.role).map((role) => ({
          value: role,
          label: t(`settings.roles.${role}.name`),
        }))}
        {...form.getInputProps("role")}
      />
      <TextInput
        label={t("settings.users.password")}
        description={t("settings.users.passwordHint")}
        autoComplete="off"
        {...form.getInputProps("password")}
      />
    </FormDialog>
  );
}

function GivePassword({
  user,
  onClose,
  onMade,
}: {
  user: User;
  onClose: () => void;
  onMade: (made: Made) => void;
}) {
  const { t } = useTranslation();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { password: "" },
    send: ({ password }) =>
      ask(
        api.POST("/syncom/v1/users/{user_id}/password", {
          params: { path: { user_id: user.user_id } },
          body: password === "" ? {} : { password },
        }),
      ),
    onDone: (answer) => {
      if (answer.password === null) {
        tellDone(t("settings.users.passwordSet"));
        onClose();
      } else onMade({ email: user.email, password: answer.password });
    },
  });
  return (
    <FormDialog
      title={t("settings.users.passwordOf", { email: user.email })}
      act={t("settings.users.setPassword")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <Text size="sm">{t("settings.users.passwordEnds")}</Text>
      <TextInput
        label={t("settings.users.password")}
        description={t("settings.users.passwordHint")}
        autoComplete="off"
        data-autofocus
        {...form.getInputProps("password")}
      />
    </FormDialog>
  );
}

function Roles() {
  const { t } = useTranslation();
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("settings.roles.title")}
      </Title>
      <Stack gap={6}>
        {roles.map((role) => (
          <Text key={role} size="sm">
            <b>{t(`settings.roles.${role}.name`)}</b>: {t(`settings.roles.${role}.may`)}
          </Text>
        ))}
        <Text size="sm" c="dimmed">
          {t("settings.roles.rule")}
        </Text>
      </Stack>
    </Paper>
  );
}
