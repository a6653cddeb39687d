import {
  Alert,
  Box,
  Button,
  Group,
  List,
  Loader,
  Menu,
  Modal,
  Paper,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { useDebouncedValue } from "@mantine/hooks";
import { IconCopy, IconPencil, IconPhoto, IconSearch, IconUpload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Image } from "~/api/schema";
import { useMay } from "~/api/session";
import { DeleteItem } from "~/ui/DeleteItem";
import { Empty } from "~/ui/Empty";
import { Failed, useFailureText } from "~/ui/Failed";
import { MoreMenu } from "~/ui/MoreMenu";
import { NameDialog } from "~/ui/NameDialog";
import { usePages } from "~/ui/pages";
import { tellDone, tellFailed } from "~/ui/tell";
import { uploadImage } from "../queries";
import classes from "./Gallery.module.css";
import { size } from "./Settings";

const KINDS = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const LARGEST = 10_000_000;

/** Images of the account; files can be dropped on it. With `onPick` one is chosen. */
export function Gallery({
  onPick,
  height,
  words = "",
  onWords,
}: {
  onPick?: (image: Image) => void;
  height?: number | string;
  words?: string;
  onWords?: (words: string) => void;
}) {
  const { t } = useTranslation();
  const may = useMay("write_content");
  const client = useQueryClient();
  const text = useFailureText();
  const open = useRef<() => void>(null);
  const [typed, setTyped] = useState(words);
  const [settled] = useDebouncedValue(typed.trim(), 250);
  const [waiting, setWaiting] = useState(0);
  const [refused, setRefused] = useState<{ name: string; reason: string }[]>([]);
  const pages = usePages(["images", settled], (cursor, signal) =>
    ask(api.GET("/syncom/v1/images", { params: { query: { search: settled, cursor, limit: 60 } }, signal })),
  );
  const upload = async (files: File[]) => {
    setWaiting((before) => before + files.length);
    for (const file of files) {
      try {
        await uploadImage(file);
      } catch (error) {
        setRefused((before) => [...before, { name: file.name, reason: text(error) }]);
      } finally {
        setWaiting((before) => before - 1);
      }
    }
    await client.invalidateQueries({ queryKey: ["images"] });
  };
  const tooLarge = t("images.tooLarge");
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <TextInput
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            onWords?.(event.currentTarget.value.trim());
          }}
          placeholder={t("images.search")}
          aria-label={t("images.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          maxLength={200}
          w={260}
        />
        {may && (
          <Button
            leftSection={<IconUpload size={18} aria-hidden />}
            onClick={() => open.current?.()}
            loading={waiting > 0}
          >
            {t("images.upload")}
          </Button>
        )}
      </Group>
      {refused.length > 0 && (
        <Alert
          color="red"
          title={t("images.refused", { count: refused.length })}
          withCloseButton
          closeButtonLabel={t("common.close")}
          onClose={() => setRefused([])}
          role="alert"
        >
          <List size="sm">
            {refused.map((one, place) => (
              <List.Item key={`${place} ${one.name}`} style={{ overflowWrap: "anywhere" }}>
                {one.name}: {one.reason}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {may && (
        <Dropzone
          openRef={open}
          onDrop={(files) => void upload(files)}
          onReject={(files) =>
            setRefused((before) => [
              ...before,
              ...files.map(({ file, errors }) => ({
                name: file.name,
                reason: errors.some((one) => one.code === "file-too-large")
                  ? tooLarge
                  : t("images.wrongKind"),
              })),
            ])
          }
          accept={KINDS}
          maxSize={LARGEST}
          className={classes.drop}
          inputProps={{ "aria-label": t("images.upload") }}
          p="sm"
        >
          <Group justify="center" gap="xs">
            {waiting > 0 ? <Loader size={18} /> : <IconPhoto size={20} aria-hidden />}
            <Text size="sm" c="dimmed">
              {waiting > 0 ? t("images.uploading", { count: waiting }) : t("images.drop")}
            </Text>
          </Group>
        </Dropzone>
      )}
      {pages.error ? (
        <Failed error={pages.error} retry={pages.retry} />
      ) : pages.loading ? (
        <Loader aria-label={t("common.loading")} />
      ) : pages.rows.length === 0 ? (
        <Empty icon={<IconPhoto size={28} />} title={settled ? t("images.noneFound") : t("images.none")}>
          {settled ? undefined : t("images.noneHint")}
        </Empty>
      ) : (
        <Box style={{ maxHeight: height, overflowY: height ? "auto" : undefined }}>
          <ul className={classes.grid}>
            {pages.rows.map((image) => (
              <Picture key={image.image_id} image={image} onPick={onPick} may={may} />
            ))}
          </ul>
          {pages.hasMore && (
            <Group justify="center" mt="sm">
              <Button variant="default" onClick={pages.more} loading={pages.loadingMore}>
                {t("images.more")}
              </Button>
            </Group>
          )}
        </Box>
      )}
    </Stack>
  );
}

/** From where this page is: the address in it is the one for mails. */
export function local(address: string): string {
  return new URL(address, window.location.href).pathname;
}

function Picture({ image, onPick, may }: { image: Image; onPick?: (image: Image) => void; may: boolean }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [naming, setNaming] = useState(false);
  const [shown, setShown] = useState(false);
  const path = { image_id: image.image_id };
  const remove = async () => {
    try {
      await ask(api.DELETE("/syncom/v1/images/{image_id}", { params: { path } }));
      await client.invalidateQueries({ queryKey: ["images"] });
      tellDone(t("images.deleted"));
    } catch (error) {
      // It says which templates and campaigns show it.
      tellFailed(error);
    }
  };
  const facts = `${image.width} × ${image.height} · ${size(image.size)}`;
  return (
    <Paper component="li" withBorder p={8} radius="md">
      <UnstyledButton
        onClick={() => (onPick ? onPick(image) : setShown(true))}
        className={classes.picture}
        aria-label={onPick ? t("images.pick", { name: image.name }) : t("images.show", { name: image.name })}
      >
        <img src={local(image.thumbnail_url)} alt="" loading="lazy" />
      </UnstyledButton>
      <Group justify="space-between" wrap="nowrap" gap={4} mt={6}>
        <div style={{ minWidth: 0 }}>
          <Text size="sm" fw={500} truncate dir="auto">
            {image.name}
          </Text>
          <Text size="xs" c="dimmed" truncate>
            {facts}
            {image.frames > 1 && ` · ${t("images.animated")}`}
          </Text>
        </div>
        <MoreMenu label={t("images.acts", { name: image.name })}>
          <Menu.Item
            leftSection={<IconCopy size={16} aria-hidden />}
            onClick={() =>
              void navigator.clipboard.writeText(image.url).then(
                () => tellDone(t("images.copied")),
                () => tellFailed(new Error(image.url)),
              )
            }
          >
            {t("images.copyAddress")}
          </Menu.Item>
          {may && (
            <>
              <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setNaming(true)}>
                {t("images.rename")}
              </Menu.Item>
              <DeleteItem
                title={t("images.deleteTitle")}
                text={t("images.deleteText", { name: image.name })}
                act={t("images.deleteAct")}
                onYes={() => void remove()}
              />
            </>
          )}
        </MoreMenu>
      </Group>
      {naming && <Rename image={image} onClose={() => setNaming(false)} />}
      {shown && (
        <Modal opened onClose={() => setShown(false)} title={image.name} size="xl">
          <img src={local(image.url)} alt={image.name} className={classes.whole} />
          <Text size="sm" c="dimmed" mt="xs">
            {facts}
          </Text>
        </Modal>
      )}
    </Paper>
  );
}

function Rename({ image, onClose }: { image: Image; onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return (
    <NameDialog
      title={t("images.rename")}
      act={t("common.save")}
      name={image.name}
      send={(name) =>
        ask(
          api.PUT("/syncom/v1/images/{image_id}", {
            params: { path: { image_id: image.image_id } },
            body: { name },
          }),
        )
      }
      onDone={() => void client.invalidateQueries({ queryKey: ["images"] })}
      onClose={onClose}
    />
  );
}
