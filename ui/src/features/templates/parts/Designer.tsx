/** The designer's frame, and what is said between it and this page. */
import { Alert, Box, Button, Group, Skeleton, Stack, Text, useComputedColorScheme } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { FromDesigner, ToDesigner } from "~/editor/protocol";
import { Failed } from "~/ui/Failed";
import { NameDialog } from "~/ui/NameDialog";
import { tellDone } from "~/ui/tell";
import { blocksQuery, mergeFieldsQuery } from "../queries";
import type { Writing } from "../writing";
import { BlockShelf } from "./BlockShelf";
import { ImagePicker } from "./ImagePicker";

export function Designer({ writing, sought }: { writing: Writing; sought: string | undefined }) {
  const { t } = useTranslation();
  const small = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const blocks = useQuery(blocksQuery);
  const fields = useQuery(mergeFieldsQuery(writing.content.dialect === "velocity" ? "velocity" : "syncom"));
  if (small)
    return (
      <Alert icon={<IconDeviceDesktop aria-hidden />} color="gray">
        {t("editor.designer.small")}
      </Alert>
    );
  if (blocks.isError || fields.isError)
    return (
      <Failed
        error={blocks.error ?? fields.error}
        retry={() => {
          void blocks.refetch();
          void fields.refetch();
        }}
      />
    );
  if (!blocks.data || !fields.data) return <Skeleton height={520} radius="md" />;
  return (
    <Framed
      writing={writing}
      sought={sought}
      blocks={blocks.data.items.map((one) => ({
        id: one.block_id,
        name: one.name,
        category: one.category,
        source: one.source,
      }))}
      fields={
        writing.content.dialect === "plain"
          ? []
          : fields.data.items.map((one) => ({
              group: t(`editor.mergeSources.${one.source as "contact"}`),
              name: one.name,
              tag: one.tag,
            }))
      }
    />
  );
}

type Opening = Extract<ToDesigner, { type: "open" }>;

function Framed({
  writing,
  sought,
  blocks,
  fields,
}: {
  writing: Writing;
  sought: string | undefined;
  blocks: Opening["blocks"];
  fields: Opening["fields"];
}) {
  const { t, i18n } = useTranslation();
  const dark = useComputedColorScheme("light") === "dark";
  const frame = useRef<HTMLIFrameElement>(null);
  const [opened, setOpened] = useState(false);
  const [failed, setFailed] = useState("");
  const [choosing, setChoosing] = useState(false);
  const [kept, setKept] = useState<string>();
  const [shelf, setShelf] = useState(false);
  const tell = (message: ToDesigner) =>
    frame.current?.contentWindow?.postMessage(message, window.location.origin);
  const opening = (): Opening => ({
    type: "open",
    source: writing.content.source,
    dark,
    readOnly: false,
    language: i18n.language,
    words: flat(i18n.getResource(i18n.language, "words", "editor.designer") as Nested),
    fields,
    blocks,
  });
  const hear = useRef<(said: FromDesigner) => void>(undefined);
  hear.current = (said) => {
    if (said.type === "ready") tell(opening());
    else if (said.type === "opened") setOpened(true);
    else if (said.type === "changed") writing.change({ source: said.source });
    else if (said.type === "askPicture") setChoosing(true);
    else if (said.type === "keepBlock") setKept(said.source);
    else setFailed(said.reason);
  };
  useEffect(() => {
    const listen = (event: MessageEvent<FromDesigner>) => {
      if (event.origin !== window.location.origin || event.source !== frame.current?.contentWindow) return;
      hear.current?.(event.data);
    };
    window.addEventListener("message", listen);
    return () => window.removeEventListener("message", listen);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told when it changes, not when `tell` does
  useEffect(() => {
    if (opened) tell({ type: "dark", dark });
  }, [dark, opened]);
  const known = JSON.stringify(blocks);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    if (opened) tell({ type: "blocks", blocks });
  }, [known, opened]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    if (opened && sought) tell({ type: "find", text: sought });
  }, [sought, opened]);
  return (
    <Stack gap="xs">
      {failed !== "" && (
        <Alert color="red" role="alert" title={t("editor.designer.failed")}>
          <Text size="sm">{failed}</Text>
        </Alert>
      )}
      <Box
        pos="relative"
        style={{ border: "1px solid var(--syncom-line)", borderRadius: 8, overflow: "hidden" }}
      >
        {!opened && <Skeleton pos="absolute" inset={0} height="100%" style={{ zIndex: 1 }} />}
        <iframe
          ref={frame}
          src="/ui/editor.html"
          title={t("editor.designer.title")}
          data-opened={opened}
          style={{
            width: "100%",
            height: "calc(100dvh - 350px)",
            minHeight: 460,
            border: 0,
            display: "block",
          }}
        />
      </Box>
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {t("editor.designer.hint")}
        </Text>
        <Button size="compact-xs" variant="subtle" onClick={() => setShelf(true)}>
          {t("editor.designer.shelf")}
        </Button>
      </Group>
      {choosing && (
        <ImagePicker
          onPick={(image) => tell({ type: "picture", address: image.url })}
          onClose={() => {
            setChoosing(false);
            tell({ type: "picture", address: null });
          }}
        />
      )}
      {kept !== undefined && <KeepBlock source={kept} onClose={() => setKept(undefined)} />}
      {shelf && <BlockShelf onClose={() => setShelf(false)} />}
    </Stack>
  );
}

/** A part of a mail, under a name, for other mails. */
function KeepBlock({ source, onClose }: { source: string; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <NameDialog
      title={t("editor.designer.keep")}
      act={t("common.save")}
      description={t("editor.designer.keepHint")}
      send={(name) =>
        ask(api.POST("/syncom/v1/blocks", { body: { name: name.trim(), source, format: "mjml" } }))
      }
      onDone={() => {
        void client.invalidateQueries({ queryKey: blocksQuery.queryKey });
        tellDone(t("editor.designer.blockKept"));
      }}
      onClose={onClose}
    />
  );
}

type Nested = { [key: string]: string | Nested };

/** `{block: {text: "Text"}}` as `{"block.text": "Text"}`. */
function flat(words: Nested, path = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(words ?? {}))
    if (typeof value === "string") found[path + key] = value;
    else Object.assign(found, flat(value, `${path}${key}.`));
  return found;
}
