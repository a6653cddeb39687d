import {
  Alert,
  Badge,
  Box,
  Grid,
  Group,
  NumberInput,
  Paper,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconInfoCircle } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { nameOf } from "~/api/channels";
import { api, ask } from "~/api/client";
import { number } from "~/ui/format";
import { ImageButton } from "./ImagePicker";
import { Wrong } from "./MailPreview";
import classes from "./Phones.module.css";
import { usePreview } from "./preview";
import { ReaderPicker } from "./ReaderPicker";
import { TagInput } from "./TagInput";
import type { ViewProps } from "./WritingViews";

/** A text for phones, what it costs, and how it looks there. */
export default function TextWriting({ writing, contact, onContact }: ViewProps) {
  const { t } = useTranslation();
  const { content, change } = writing;
  const channel = nameOf(content.channel);
  const members = content.members as Record<string, unknown>;
  const set = (name: string, value: unknown) => change({ members: { ...members, [name]: value } });
  const word = (name: string) => (typeof members[name] === "string" ? (members[name] as string) : "");
  const preview = usePreview(content, contact);
  return (
    <Grid gap="lg">
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack>
          {channel !== "sms" && channel !== "viber" && (
            <TagInput
              label={t("editor.title")}
              value={content.subject}
              onChange={(subject) => change({ subject })}
              dialect={content.dialect}
              maxLength={1000}
            />
          )}
          <TagInput
            label={t("editor.textLabel")}
            value={content.source}
            onChange={(source) => change({ source })}
            dialect={content.dialect}
            rows={6}
            maxLength={channel === "viber" ? 1000 : 10_000}
            required
          />
          {channel === "sms" && <Parts text={preview.data?.text ?? content.source} />}
          {channel === "viber" && (
            <>
              <Group align="flex-end" wrap="nowrap" gap={4}>
                <TextInput
                  label={t("editor.image")}
                  placeholder="https://"
                  value={word("img")}
                  onChange={(event) => set("img", event.currentTarget.value)}
                  flex={1}
                />
                <ImageButton onPick={(image) => set("img", image.url)} />
              </Group>
              <Group grow align="flex-start">
                <TextInput
                  label={t("editor.buttonText")}
                  value={word("caption")}
                  onChange={(event) => set("caption", event.currentTarget.value)}
                  maxLength={1000}
                  dir="auto"
                />
                <TextInput
                  label={t("editor.buttonLink")}
                  placeholder="https://"
                  value={word("action")}
                  onChange={(event) => set("action", event.currentTarget.value)}
                />
              </Group>
              <NumberInput
                label={t("editor.ttl")}
                description={t("editor.ttlHint")}
                value={typeof members.ttlSeconds === "number" ? members.ttlSeconds / 60 : ""}
                onChange={(value) => set("ttlSeconds", typeof value === "number" ? value * 60 : undefined)}
                min={1}
                max={20_160}
                w={220}
              />
            </>
          )}
          {(channel === "sms" || channel === "viber") && (
            <Switch
              label={t("editor.trackUrls")}
              description={t("editor.trackUrlsHint")}
              checked={members.trackUrls === true || members.trackUrls === "true"}
              onChange={(event) => set("trackUrls", event.currentTarget.checked)}
            />
          )}
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Group justify="flex-end" mb="sm">
          <ReaderPicker contact={contact} onChange={onContact} />
        </Group>
        {preview.isError ? (
          <Wrong error={preview.error} />
        ) : (
          <Paper className={classes.phone} role="figure" aria-label={t("editor.phonePreview")}>
            <Text size="xs" c="dimmed" ta="center" mb="xs">
              {content.from_name || t("editor.yourBrand")}
            </Text>
            <Box className={classes.bubble}>
              {channel === "viber" && /^https?:\/\//.test(word("img")) && (
                <Text size="xs" c="dimmed" mb={6} truncate>
                  {t("editor.imageAt", { address: word("img") })}
                </Text>
              )}
              <Text size="sm" className={classes.words} dir="auto">
                {preview.data?.text ?? ""}
              </Text>
              {channel === "viber" && word("caption") !== "" && (
                <Badge size="lg" mt="sm" tt="none" fullWidth>
                  {word("caption")}
                </Badge>
              )}
            </Box>
          </Paper>
        )}
      </Grid.Col>
    </Grid>
  );
}

/** How many parts a text has, by the server's count: what is charged. */
function Parts({ text }: { text: string }) {
  const { t } = useTranslation();
  const [settled] = useDebouncedValue(text, 250);
  const counted = useQuery({
    queryKey: ["template", "parts", settled],
    queryFn: ({ signal }) => ask(api.POST("/syncom/v1/texts/parts", { body: { text: settled }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
    retry: false,
  });
  const found = counted.data;
  if (!found) return null;
  return (
    <Stack gap="xs">
      <Group gap="xs" role="status">
        <Badge size="lg" tt="none" color={found.parts > 3 ? "orange" : "syncom"}>
          {t("editor.parts", { count: found.parts })}
        </Badge>
        <Text size="sm" c="dimmed">
          {t("editor.characters", { count: found.characters, shown: number(found.characters) })} ·{" "}
          {t("editor.left", { count: found.left })} · {found.alphabet}
        </Text>
      </Group>
      {found.forcing.length > 0 && (
        <Alert color="gray" icon={<IconInfoCircle aria-hidden />}>
          {t("editor.forcing", { characters: found.forcing.slice(0, 20).join(" ") })}
        </Alert>
      )}
    </Stack>
  );
}
