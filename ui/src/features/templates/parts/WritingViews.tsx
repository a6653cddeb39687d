import { Box, Button, Grid, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { EMAIL, nameOf } from "~/api/channels";
import { api, ask } from "~/api/client";
import type { ContentModelFinding as Finding } from "~/api/schema";
import { confirm } from "~/ui/confirm";
import { tellFailed } from "~/ui/tell";
import { isOfBlocks } from "../queries";
import type { View } from "../routes";
import type { Writing } from "../writing";
import { Checks, soughtOf } from "./Checks";
import { CodeEditor, type Pen } from "./CodeEditor";
import { Designer } from "./Designer";
import { ImageButton } from "./ImagePicker";
import { MailPreview } from "./MailPreview";
import { MergeFields } from "./MergeFields";
import { TagInput } from "./TagInput";

const PushWriting = lazy(() => import("./PushWriting"));
const TextWriting = lazy(() => import("./TextWriting"));

export type ViewProps = {
  writing: Writing;
  contact: number | undefined;
  onContact: (contact: number | undefined) => void;
  readOnly: boolean;
};

/** What is written, as text, as blocks, and as it will look. */
export function WritingViews(props: ViewProps & { view: View; onView: (view: View | undefined) => void }) {
  const channel = props.writing.content.channel;
  if (channel === EMAIL) return <MailViews {...props} />;
  return (
    <Suspense fallback={null}>
      {nameOf(channel) === "webpush" ? <PushWriting {...props} /> : <TextWriting {...props} />}
    </Suspense>
  );
}

function MailViews({
  view,
  writing,
  contact,
  onContact,
  onView,
  readOnly,
}: ViewProps & { view: View; onView: (view: View | undefined) => void }) {
  const { t } = useTranslation();
  const pen = useRef<Pen>(null);
  const textPen = useRef<Pen>(null);
  const wide = useMediaQuery("(min-width: 75em)", true, { getInitialValueInEffect: false });
  const { content, change } = writing;
  const blocks = isOfBlocks(content);
  const [sought, setSought] = useState<string>();

  /** The editor appears with the view: it is asked when it is there. */
  const later = (act: () => void) => setTimeout(act, 400);
  const toLine = (line: number) => {
    if (view !== "content") onView(undefined);
    later(() => pen.current?.show({ line }));
  };
  const toPlace = (finding: Finding) => {
    const text = finding.where === "text" && content.text.trim() !== "";
    onView(text ? "text" : undefined);
    later(() => {
      if (finding.where === "subject" || finding.where === "preheader")
        document.getElementById(`mail-${finding.where}`)?.focus();
      else if (blocks && !text) setSought(soughtOf(finding)[0]);
      else soughtOf(finding).some((one) => (text ? textPen : pen).current?.show({ text: one }));
    });
  };

  if (view === "text") return <PlainText writing={writing} pen={textPen} readOnly={readOnly} />;
  if (view === "preview")
    return (
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <MailPreview
            content={content}
            contact={contact}
            onContact={onContact}
            onLine={blocks ? undefined : toLine}
          />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Paper withBorder p="md">
            <Title order={2} mb="sm">
              {t("editor.checks")}
            </Title>
            <Checks
              content={content}
              contact={contact}
              onPlace={toPlace}
              onLine={blocks ? undefined : toLine}
            />
          </Paper>
        </Grid.Col>
      </Grid>
    );
  return (
    <Stack gap="sm">
      <Group align="flex-start" grow preventGrowOverflow={false}>
        <TagInput
          id="mail-subject"
          label={t("templates.subject")}
          value={content.subject}
          onChange={(subject) => change({ subject })}
          dialect={content.dialect}
          maxLength={1000}
          required
        />
        <TagInput
          id="mail-preheader"
          label={t("editor.members.preheader")}
          placeholder={t("editor.preheaderHint")}
          value={content.preheader}
          onChange={(preheader) => change({ preheader })}
          dialect={content.dialect}
          maxLength={1000}
        />
      </Group>
      {blocks ? (
        <Designer writing={writing} sought={sought} />
      ) : (
        <Grid gap="md">
          <Grid.Col span={{ base: 12, lg: 7 }}>
            <Group justify="space-between" mb={6} h={30}>
              <Text size="sm" fw={500}>
                {content.format === "mjml" ? "MJML" : "HTML"}
              </Text>
              {!readOnly && (
                <Group gap={2}>
                  <ImageButton
                    onPick={(image) =>
                      pen.current?.insert(
                        content.format === "mjml"
                          ? `<mj-image src="${image.url}" alt="" />`
                          : `<img src="${image.url}" alt="" width="${Math.min(image.width, 600)}">`,
                      )
                    }
                  />
                  <MergeFields dialect={content.dialect} onPick={(tag) => pen.current?.insert(tag)} />
                </Group>
              )}
            </Group>
            <CodeEditor
              pen={pen}
              value={content.source}
              onChange={readOnly ? undefined : (source) => change({ source })}
              label={t("editor.members.source")}
              kind="html"
              height="calc(100dvh - 370px)"
            />
          </Grid.Col>
          {wide && (
            <Grid.Col span={5}>
              <MailPreview
                content={content}
                contact={contact}
                onContact={onContact}
                onLine={toLine}
                height="calc(100dvh - 410px)"
              />
            </Grid.Col>
          )}
        </Grid>
      )}
    </Stack>
  );
}

function PlainText({
  writing,
  pen,
  readOnly,
}: {
  writing: Writing;
  pen: React.Ref<Pen> & React.RefObject<Pen | null>;
  readOnly: boolean;
}) {
  const { t } = useTranslation();
  const { content, change } = writing;
  const [making, setMaking] = useState(false);
  const make = async () => {
    setMaking(true);
    try {
      const made = await ask(
        api.POST("/syncom/v1/templates/plain-text", {
          body: { source: content.source, format: content.format },
        }),
      );
      change({ text: made.text });
    } catch (error) {
      tellFailed(error);
    } finally {
      setMaking(false);
    }
  };
  return (
    <Box maw={900}>
      <Text size="sm" c="dimmed" mb="sm">
        {t("editor.textHint")}
      </Text>
      {!readOnly && (
        <Group mb="xs" justify="space-between">
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              loading={making}
              onClick={() =>
                content.text.trim() === ""
                  ? void make()
                  : confirm({
                      title: t("editor.textMakeTitle"),
                      text: t("editor.textMakeText"),
                      act: t("editor.textMake"),
                      onYes: () => void make(),
                    })
              }
            >
              {t("editor.textMake")}
            </Button>
            {content.text !== "" && (
              <Button size="xs" variant="subtle" color="gray" onClick={() => change({ text: "" })}>
                {t("editor.textClear")}
              </Button>
            )}
          </Group>
          <MergeFields dialect={content.dialect} onPick={(tag) => pen.current?.insert(tag)} />
        </Group>
      )}
      <CodeEditor
        pen={pen}
        value={content.text}
        onChange={readOnly ? undefined : (text) => change({ text })}
        label={t("editor.members.text")}
        kind="text"
        height="calc(100dvh - 330px)"
      />
    </Box>
  );
}
