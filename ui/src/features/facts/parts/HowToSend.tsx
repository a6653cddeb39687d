/** How other systems send events here: with the account's own address, ready to copy. */
import {
  Alert,
  Anchor,
  Button,
  Group,
  JsonInput,
  Paper,
  Stack,
  Tabs,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RecordedEvent } from "~/api/schema";
import { useMay } from "~/api/session";
import { Copy } from "~/ui/Copy";
import { Failed } from "~/ui/Failed";
import { useServerForm } from "~/ui/useServerForm";
import { sitesQuery } from "../queries";

export function HowToSend({ typeKey }: { typeKey: string }) {
  const { t } = useTranslation();
  const mayTry = useMay("write_events");
  const mayKeys = useMay("manage_keys");
  return (
    <Stack maw={860}>
      <Alert icon={<IconKey aria-hidden />} title={t("events.keyTitle")}>
        <Text size="sm">{t("events.keyText")}</Text>
        {mayKeys && (
          <Anchor
            size="sm"
            display="block"
            mt={4}
            renderRoot={(props) => <Link {...props} to={"/settings/keys" as "/"} />}
          >
            {t("events.keyLink")}
          </Anchor>
        )}
      </Alert>
      <Tabs defaultValue="curl">
        <Tabs.List>
          <Tabs.Tab value="curl">curl</Tabs.Tab>
          <Tabs.Tab value="batch">{t("events.many")}</Tabs.Tab>
          <Tabs.Tab value="node">JavaScript</Tabs.Tab>
          <Tabs.Tab value="python">Python</Tabs.Tab>
          <Tabs.Tab value="site">{t("events.fromPages")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="curl" pt="sm">
          <Copy block text={curl(typeKey)} />
        </Tabs.Panel>
        <Tabs.Panel value="batch" pt="sm">
          <Text size="sm" mb="xs">
            {t("events.manyText")}
          </Text>
          <Copy block text={batch(typeKey)} />
        </Tabs.Panel>
        <Tabs.Panel value="node" pt="sm">
          <Text size="sm" mb="xs">
            {t("events.serverOnly")}
          </Text>
          <Copy block text={node(typeKey)} />
        </Tabs.Panel>
        <Tabs.Panel value="python" pt="sm">
          <Copy block text={python(typeKey)} />
        </Tabs.Panel>
        <Tabs.Panel value="site" pt="sm">
          <FromPages typeKey={typeKey} />
        </Tabs.Panel>
      </Tabs>
      <Text size="sm" c="dimmed">
        {t("events.whom")}
      </Text>
      {mayTry && <TryIt typeKey={typeKey} />}
    </Stack>
  );
}

function FromPages({ typeKey }: { typeKey: string }) {
  const { t } = useTranslation();
  const may = useMay("read_settings");
  const { data: sites } = useQuery({ ...sitesQuery, enabled: may });
  const link = (
    <Anchor size="sm" renderRoot={(props) => <Link {...props} to={"/settings/sites" as "/"} />}>
      {t("events.sitesLink")}
    </Anchor>
  );
  return (
    <Stack gap="xs">
      <Text size="sm">{t("events.pagesText")}</Text>
      {sites?.map((site) => (
        <div key={site.site_id}>
          <Text size="sm" fw={500}>
            <bdi>{site.domain}</bdi>
          </Text>
          <Copy block text={site.snippet} />
        </div>
      ))}
      {sites?.length === 0 && (
        <Group gap="xs">
          <Text size="sm">{t("events.noSite")}</Text>
          {link}
        </Group>
      )}
      <Text size="sm">{t("events.pagesThen")}</Text>
      <Copy block text={`syncom('track', ${quoted(typeKey)}, {sum: 120.5, currency: 'EUR'});`} />
    </Stack>
  );
}

/** One event by the session of who looks: what became of it is said at once. */
function TryIt({ typeKey }: { typeKey: string }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [done, setDone] = useState<RecordedEvent>();
  const { form, submit, sending, failure } = useServerForm({
    initialValues: { type_key: typeKey, email: "", params: '{"sum": 120.5}' },
    validate: {
      type_key: (value) => (value.trim() === "" ? t("events.needsType") : null),
      params: (value) => (membersOf(value) === undefined ? t("events.notJson") : null),
    },
    send: ({ type_key, email, params }) =>
      ask(
        api.POST("/syncom/v1/events", {
          body: {
            type_key: type_key.trim(),
            params: { ...membersOf(params), ...(email.trim() ? { EmailAddress: email.trim() } : {}) },
          },
        }),
      ),
    onDone: (answer) => {
      setDone(answer);
      for (const kind of ["event", "event-type"]) void client.invalidateQueries({ queryKey: [kind] });
    },
    fieldOf: (field) =>
      field === "params.EmailAddress" ? "email" : field.startsWith("params") ? "params" : field,
  });
  return (
    <Paper withBorder p="md">
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Title order={2} size="h3">
            {t("events.try")}
          </Title>
          <Text size="sm" c="dimmed">
            {t("events.tryHint")}
          </Text>
          <Group grow align="flex-start">
            <TextInput label={t("events.type")} required {...form.getInputProps("type_key")} />
            <TextInput
              label={t("events.email")}
              placeholder="anna@example.com"
              {...form.getInputProps("email")}
            />
          </Group>
          <JsonInput
            label={t("events.tabs.parameters")}
            autosize
            minRows={3}
            maxRows={12}
            styles={{ input: { fontFamily: "monospace" } }}
            {...form.getInputProps("params")}
          />
          {failure !== undefined && <Failed error={failure} />}
          <Group>
            <Button type="submit" loading={sending}>
              {t("events.record")}
            </Button>
            {done && (
              <Group gap="xs" role="status">
                <Text size="sm">
                  {done.event_id === null
                    ? t("events.repeated")
                    : t(done.contact_id === null ? "events.recordedNobody" : "events.recordedOf")}
                </Text>
                {done.contact_id !== null && (
                  <Anchor
                    size="sm"
                    renderRoot={(props) => <Link {...props} to={`/contacts/${done.contact_id}` as "/"} />}
                  >
                    #{done.contact_id}
                  </Anchor>
                )}
              </Group>
            )}
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}

/** Undefined: no object in JSON. */
export function membersOf(written: string): Record<string, unknown> | undefined {
  if (written.trim() === "") return {};
  try {
    const found: unknown = JSON.parse(written);
    return typeof found === "object" && found !== null && !Array.isArray(found)
      ? (found as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const address = () => `${window.location.origin}/syncom/v1/events`;
const example = (typeKey: string) =>
  `{"type_key": ${JSON.stringify(typeKey)}, "params": {"EmailAddress": "anna@example.com", "sum": 120.5}}`;

/** For a shell: a quote in what is quoted ends it, is written by itself, and begins it anew. */
export function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}

function curl(typeKey: string): string {
  return `curl ${address()} \\
  -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\
  -d ${shell(example(typeKey))}`;
}

function batch(typeKey: string): string {
  return `curl ${address()}/batch \\
  -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\
  -d ${shell(`[${example(typeKey)},\n      ${example(typeKey).replace("anna@", "bohdan@")}]`)}`;
}

function node(typeKey: string): string {
  return `await fetch("${address()}", {
  method: "POST",
  headers: {Authorization: "Bearer KEY", "Content-Type": "application/json"},
  body: JSON.stringify({
    type_key: ${JSON.stringify(typeKey)},
    dedupe_key: "payment-17",
    params: {EmailAddress: "anna@example.com", sum: 120.5},
  }),
});`;
}

function python(typeKey: string): string {
  return `import httpx

event = {
    "type_key": ${JSON.stringify(typeKey)},
    "dedupe_key": "payment-17",
    "params": {"EmailAddress": "anna@example.com", "sum": 120.5},
}
httpx.post("${address()}", json=event, headers={"Authorization": "Bearer KEY"}).raise_for_status()`;
}
