import {
  ActionIcon,
  Button,
  Checkbox,
  Grid,
  Group,
  NumberInput,
  Paper,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { IconBell, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { local } from "./Gallery";
import { ImageButton } from "./ImagePicker";
import { Wrong } from "./MailPreview";
import classes from "./Phones.module.css";
import { usePreview } from "./preview";
import { ReaderPicker } from "./ReaderPicker";
import { TagInput } from "./TagInput";
import type { ViewProps } from "./WritingViews";

type Act = { title: string; link: string };
const MOST = 2;
const URGENCIES = ["very-low", "low", "normal", "high"] as const;

/** A notification of a browser, and how it looks by day and by night. */
export default function PushWriting({ writing, contact, onContact }: ViewProps) {
  const { t } = useTranslation();
  const { content, change } = writing;
  const members = content.members as Record<string, unknown>;
  const set = (name: string, value: unknown) => change({ members: { ...members, [name]: value } });
  const word = (name: string) => (typeof members[name] === "string" ? (members[name] as string) : "");
  const acts = actsOf(members.actions);
  // A button that is half written is kept here, and told by the server when it is published.
  const setActs = (next: Act[]) => set("actions", next.length > 0 ? next : undefined);
  const preview = usePreview(content, contact);
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack>
          <TagInput
            label={t("editor.title")}
            value={content.subject}
            onChange={(subject) => change({ subject })}
            dialect={content.dialect}
            maxLength={1000}
            required
          />
          <TagInput
            label={t("editor.textLabel")}
            value={content.source}
            onChange={(source) => change({ source })}
            dialect={content.dialect}
            rows={3}
            maxLength={10_000}
            required
          />
          <TagInput
            label={t("editor.pushLink")}
            placeholder="https://"
            value={word("link")}
            onChange={(value) => set("link", value)}
            dialect={content.dialect}
            maxLength={2000}
          />
          {(["icon", "image"] as const).map((name) => (
            <Group key={name} align="flex-end" wrap="nowrap" gap={4}>
              <TextInput
                label={t(`editor.${name}`)}
                description={t(`editor.${name}Hint`)}
                placeholder="https://"
                value={word(name)}
                onChange={(event) => set(name, event.currentTarget.value)}
                flex={1}
              />
              <ImageButton onPick={(image) => set(name, image.url)} />
            </Group>
          ))}
          <Stack gap="xs">
            <Text size="sm" fw={500}>
              {t("editor.buttons")}
            </Text>
            {acts.map((act, place) => (
              <Group key={place} align="flex-end" wrap="nowrap" gap={6}>
                <TextInput
                  label={t("editor.buttonText")}
                  value={act.title}
                  onChange={(event) =>
                    setActs(acts.with(place, { ...act, title: event.currentTarget.value }))
                  }
                  maxLength={100}
                  dir="auto"
                  flex={1}
                />
                <TextInput
                  label={t("editor.buttonLink")}
                  placeholder="https://"
                  value={act.link}
                  onChange={(event) => setActs(acts.with(place, { ...act, link: event.currentTarget.value }))}
                  flex={2}
                />
                <ActionIcon
                  variant="subtle"
                  color="red"
                  size="lg"
                  aria-label={t("editor.removeButton")}
                  onClick={() => setActs(acts.filter((_, one) => one !== place))}
                >
                  <IconTrash size={16} aria-hidden />
                </ActionIcon>
              </Group>
            ))}
            {acts.length < MOST && (
              <Group>
                <Button
                  size="xs"
                  variant="default"
                  onClick={() => setActs([...acts, { title: "", link: "" }])}
                >
                  {t("editor.addButton")}
                </Button>
              </Group>
            )}
          </Stack>
          <Group align="flex-start">
            <NumberInput
              label={t("editor.ttl")}
              description={t("editor.ttlHint")}
              value={typeof members.ttlSeconds === "number" ? members.ttlSeconds / 60 : ""}
              onChange={(value) => set("ttlSeconds", typeof value === "number" ? value * 60 : undefined)}
              min={1}
              max={20_160}
              w={220}
            />
            <Select
              label={t("editor.urgency")}
              description={t("editor.urgencyHint")}
              value={word("urgency") || "normal"}
              onChange={(value) => set("urgency", value ?? undefined)}
              allowDeselect={false}
              data={URGENCIES.map((value) => ({ value, label: t(`editor.urgencies.${value}`) }))}
              w={220}
            />
            <TextInput
              label={t("editor.topic")}
              description={t("editor.topicHint")}
              value={word("topic")}
              onChange={(event) => set("topic", event.currentTarget.value)}
              maxLength={32}
              w={220}
            />
          </Group>
          <Checkbox
            label={t("editor.requireInteraction")}
            checked={members.requireInteraction === true || members.requireInteraction === "true"}
            onChange={(event) => set("requireInteraction", event.currentTarget.checked)}
          />
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Group justify="flex-end" mb="sm">
          <ReaderPicker contact={contact} onChange={onContact} />
        </Group>
        {preview.isError ? (
          <Wrong error={preview.error} />
        ) : (
          <Stack gap="sm">
            {(["light", "dark"] as const).map((shade) => (
              <figure key={shade} style={{ margin: 0 }} aria-label={t(`editor.shades.${shade}`)}>
                <div className={classes.shade} {...{ [`data-${shade}`]: true }}>
                  <Paper className={classes.note} c="inherit">
                    <Group wrap="nowrap" align="flex-start" gap={10}>
                      <Shown address={word("icon")} className={classes.pictures} otherwise />
                      <div style={{ minWidth: 0 }}>
                        <Text size="sm" fw={700} className={classes.words} dir="auto">
                          {preview.data?.subject}
                        </Text>
                        <Text size="sm" className={classes.words} dir="auto">
                          {preview.data?.text}
                        </Text>
                        <Text fz={11} opacity={0.85}>
                          {window.location.host}
                        </Text>
                      </div>
                    </Group>
                    <Shown address={word("image")} className={classes.large} />
                    {acts.length > 0 && (
                      <Group gap={0} mt={8} wrap="nowrap">
                        {acts.map((act, place) => (
                          <div key={place} className={classes.act} dir="auto">
                            {act.title}
                          </div>
                        ))}
                      </Group>
                    )}
                  </Paper>
                </div>
                <Text size="xs" c="dimmed" mt={4} component="figcaption">
                  {t(`editor.shades.${shade}`)}
                </Text>
              </figure>
            ))}
            <Text size="xs" c="dimmed">
              {t("editor.pushHint")}
            </Text>
          </Stack>
        )}
      </Grid.Col>
    </Grid>
  );
}

/** A picture of the gallery; those of other servers are not loaded by this page. */
function Shown({
  address,
  className,
  otherwise = false,
}: {
  address: string;
  className?: string;
  otherwise?: boolean;
}) {
  const isOurs = /^https?:\/\/[^/]+\/t\/i\//.test(address);
  if (isOurs) return <img src={local(address)} alt="" className={className} />;
  return otherwise ? <IconBell size={32} aria-hidden style={{ flexShrink: 0 }} /> : null;
}

function actsOf(value: unknown): Act[] {
  if (!Array.isArray(value)) return [];
  return value.map((one: Record<string, unknown>) => ({
    title: typeof one?.title === "string" ? one.title : "",
    link: typeof one?.link === "string" ? one.link : typeof one?.url === "string" ? one.url : "",
  }));
}
