import {
  Alert,
  Badge,
  Button,
  Group,
  Modal,
  MultiSelect,
  Paper,
  Select,
  Stack,
  Switch,
  Tabs,
  TagsInput,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconPlus, IconRobot } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { AgentToken } from "~/api/schema";
import { Copy } from "~/ui/Copy";
import { confirm } from "~/ui/confirm";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { FormDialog } from "~/ui/FormDialog";
import { listState } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { Frame } from "../parts/Frame";
import { addressesQuery, connectionsQuery, tokensQuery, useAct } from "../queries";

export function TokensPage() {
  const { t } = useTranslation();
  const tokens = useQuery(tokensQuery);
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const columns = useMemo<Column<AgentToken>[]>(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2fr",
        cell: (token) => <span dir="auto">{token.name}</span>,
      },
      {
        id: "kind",
        header: t("integrations.tokens.kind"),
        cell: (token) => t(`integrations.tokens.kinds.${token.kind}`),
      },
      {
        id: "limits",
        header: t("integrations.tokens.may"),
        width: "1.5fr",
        cell: (token) => <Limits token={token} />,
      },
      {
        id: "used",
        header: t("integrations.connection.used"),
        cell: (token) => (token.used_at ? <Time at={token.used_at} relative /> : t("integrations.never")),
      },
      {
        id: "ends",
        header: t("integrations.tokens.ends"),
        cell: (token) =>
          token.expires_at ? <Time at={token.expires_at} relative /> : t("integrations.never"),
      },
      { id: "acts", header: t("integrations.acts"), width: "110px", cell: (token) => <End token={token} /> },
    ],
    [t],
  );
  const make = (
    <Button leftSection={<IconPlus size={18} aria-hidden />} onClick={() => setMaking(true)}>
      {t("integrations.tokens.make")}
    </Button>
  );
  return (
    <Frame title={t("integrations.places.tokens")} soft={t("integrations.tokens.soft")} actions={make}>
      <DataTable
        label={t("integrations.places.tokens")}
        columns={columns}
        rows={tokens.data?.items ?? []}
        rowKey={(token) => token.grant_id}
        {...listState(tokens)}
        height={420}
        empty={
          <Empty icon={<IconRobot />} title={t("integrations.tokens.none")}>
            {t("integrations.tokens.noneHint")}
          </Empty>
        }
      />
      <HowTo />
      {making && (
        <MakeToken
          onClose={() => setMaking(false)}
          onMade={(token) => {
            setMaking(false);
            setSecret(token);
          }}
        />
      )}
      <Modal
        opened={secret !== undefined}
        onClose={() => setSecret(undefined)}
        title={t("integrations.tokens.made")}
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        {secret !== undefined && (
          <Stack>
            <Alert color="yellow">{t("integrations.tokens.once")}</Alert>
            <Copy block text={secret} />
            <Button onClick={() => setSecret(undefined)}>{t("integrations.tokens.kept")}</Button>
          </Stack>
        )}
      </Modal>
    </Frame>
  );
}

function Limits({ token }: { token: AgentToken }) {
  const { t } = useTranslation();
  const limits = [
    token.read_only && t("integrations.tokens.onlyReads"),
    token.connections && t("integrations.tokens.ofConnections", { count: token.connections.length }),
    token.actions && t("integrations.tokens.ofActions", { count: token.actions.length }),
  ].filter((one): one is string => typeof one === "string");
  return (
    <Group gap={4} wrap="nowrap">
      {(limits.length > 0 ? limits : [t("integrations.tokens.everything")]).map((one) => (
        <Badge key={one} color="gray" tt="none">
          {one}
        </Badge>
      ))}
    </Group>
  );
}

function End({ token }: { token: AgentToken }) {
  const { t } = useTranslation();
  const end = useAct(
    () =>
      ask(
        api.DELETE("/syncom/v1/integrations/tokens/{grant_id}", {
          params: { path: { grant_id: token.grant_id } },
        }),
      ),
    { renews: "agent-token", done: () => tellDone(t("integrations.tokens.ended", { name: token.name })) },
  );
  return (
    <Button
      size="compact-xs"
      variant="light"
      color="red"
      aria-label={t("integrations.tokens.endOne", { name: token.name })}
      onClick={() =>
        confirm({
          title: t("integrations.tokens.endOne", { name: token.name }),
          text: t("integrations.tokens.endText"),
          act: t("integrations.tokens.end"),
          onYes: () => end.mutate(undefined),
        })
      }
    >
      {t("integrations.tokens.end")}
    </Button>
  );
}

const DAYS = ["7", "30", "90", "365"] as const;

function MakeToken({ onClose, onMade }: { onClose: () => void; onMade: (token: string) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const connections = useQuery(connectionsQuery);
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: "",
      read_only: true,
      connections: [] as string[],
      actions: [] as string[],
      days: "90" as string | null,
    },
    send: (values) =>
      ask(
        api.POST("/syncom/v1/integrations/tokens", {
          body: {
            name: values.name,
            read_only: values.read_only,
            connections: values.connections.length > 0 ? values.connections : null,
            actions: values.actions.length > 0 ? values.actions : null,
            days: values.days === null ? null : Number(values.days),
          },
        }),
      ),
    onDone: (answer) => {
      void client.invalidateQueries({ queryKey: ["agent-token"] });
      onMade(answer.token);
    },
  });
  return (
    <FormDialog
      title={t("integrations.tokens.make")}
      act={t("common.create")}
      onClose={onClose}
      onSubmit={submit}
      sending={sending}
      failure={failure}
    >
      <TextInput
        label={t("common.name")}
        description={t("integrations.tokens.nameHint")}
        required
        maxLength={100}
        data-autofocus
        dir="auto"
        {...form.getInputProps("name")}
      />
      <Switch
        label={t("integrations.tokens.readOnly")}
        {...form.getInputProps("read_only", { type: "checkbox" })}
      />
      <MultiSelect
        label={t("integrations.places.connections")}
        description={t("integrations.tokens.allUnlessChosen")}
        searchable
        clearable
        data={(connections.data?.items ?? []).map((one) => ({
          value: one.connection_id,
          label: one.name,
        }))}
        {...form.getInputProps("connections")}
      />
      <TagsInput
        label={t("integrations.tokens.actions")}
        description={t("integrations.tokens.actionsHint")}
        {...form.getInputProps("actions")}
      />
      <Select
        label={t("integrations.tokens.ends")}
        clearable
        placeholder={t("integrations.never")}
        data={DAYS.map((days) => ({
          value: days,
          label: t("integrations.tokens.inDays", { count: Number(days) }),
        }))}
        {...form.getInputProps("days")}
      />
    </FormDialog>
  );
}

function HowTo() {
  const { t } = useTranslation();
  const addresses = useQuery(addressesQuery);
  const mcp = addresses.data?.mcp_url ?? `${window.location.origin}/mcp`;
  const config = JSON.stringify(
    { mcpServers: { syncom: { type: "http", url: mcp, headers: { Authorization: "Bearer YOUR_TOKEN" } } } },
    null,
    2,
  );
  return (
    <Paper withBorder p="md">
      <Title order={2} mb={4}>
        {t("integrations.tokens.how")}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {t("integrations.tokens.howText")}
      </Text>
      <Copy text={mcp} />
      <Tabs defaultValue="claude" mt="md">
        <Tabs.List mb="xs">
          <Tabs.Tab value="claude">Claude Code</Tabs.Tab>
          <Tabs.Tab value="other">{t("integrations.tokens.otherClients")}</Tabs.Tab>
          <Tabs.Tab value="stdio">{t("integrations.tokens.local")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="claude">
          <Copy
            block
            text={`claude mcp add --transport http syncom ${mcp} --header "Authorization: Bearer YOUR_TOKEN"`}
          />
          <Text size="sm" c="dimmed" mt="xs">
            {t("integrations.tokens.signIn")}
          </Text>
        </Tabs.Panel>
        <Tabs.Panel value="other">
          <Copy block text={config} />
        </Tabs.Panel>
        <Tabs.Panel value="stdio">
          <Copy block text={`membrane login --tenant\nmembrane mcp`} />
        </Tabs.Panel>
      </Tabs>
    </Paper>
  );
}
