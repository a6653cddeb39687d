/** Changing a workflow: steps are put where "+" is, their forms are beside the picture, everything can be taken back. */
import {
  ActionIcon,
  Alert,
  Badge,
  Box,
  Button,
  Drawer,
  Group,
  Menu,
  Skeleton,
  Text,
  Tooltip,
} from "@mantine/core";
import { useHotkeys, useMediaQuery } from "@mantine/hooks";
import {
  IconAdjustments,
  IconArrowBackUp,
  IconArrowForwardUp,
  IconPencil,
  IconTestPipe,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Draft, VersionFigures } from "~/api/schema";
import { confirm } from "~/ui/confirm";
import { MoreMenu } from "~/ui/MoreMenu";
import { Page } from "~/ui/Page";
import { SaveState } from "~/ui/SaveState";
import { tellDone, tellFailed } from "~/ui/tell";
import {
  blank,
  change,
  copied,
  insert,
  ordered,
  remove,
  START,
  type Step,
  type Way,
  ways,
} from "../model/definition";
import { stepsQuery } from "../queries";
import { AddMenu } from "./AddMenu";
import { peopleOf, type TabProps } from "./CanvasTab";
import type { Which } from "./Counts";
import { copiedSteps, keepCopied } from "./clipboard";
import { LifeMenu } from "./LifeMenu";
import { PartPanel } from "./PartPanel";
import { PublishDialog } from "./PublishDialog";
import { RenameDialog } from "./RenameDialog";
import { SimulatePanel } from "./SimulatePanel";
import { StatusBadge } from "./StatusBadge";
import { StepList } from "./StepList";
import { useSentences } from "./sentences";
import { useEditing } from "./useEditing";

const Canvas = lazy(() => import("./Canvas"));

export function Editor({ workflow, look, go, tabs, draft }: TabProps & { draft: Draft | null }) {
  const { t } = useTranslation();
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const editing = useEditing(workflow, draft);
  const { definition } = editing;
  const sentences = useSentences(definition);
  const live = useQuery(stepsQuery(workflow.workflow_id)).data;
  const [tried, setTried] = useState<VersionFigures>();
  const [more, setMore] = useState<ReadonlySet<string>>(new Set());
  const [clipboard, setClipboard] = useState(copiedSteps);
  const [publishing, setPublishing] = useState<"publish" | "start">();
  const [trying, setTrying] = useState(false);
  const [renaming, setRenaming] = useState(false);
  const figures = tried ?? live;

  useEffect(() => {
    const renew = () => setClipboard(copiedSteps());
    window.addEventListener("storage", renew);
    return () => window.removeEventListener("storage", renew);
  }, []);

  const known =
    look.part === "trigger" || look.part === "rules" || definition.steps.some((one) => one.id === look.part);
  const part = known ? look.part : undefined;
  const chosen = useMemo(() => new Set([...(part ? [part] : []), ...more]), [part, more]);
  const steps = useMemo(
    () => definition.steps.filter((one) => chosen.has(one.id)).map((one) => one.id),
    [definition, chosen],
  );

  const choose = (next: string | null, also = false) => {
    if (also && next && part && next !== part) {
      const now = new Set(more);
      if (!now.delete(next)) now.add(next);
      setMore(now);
      return;
    }
    setMore(new Set());
    go({ part: next ?? undefined });
  };
  const put = (from: string, member: string, added: readonly Step[]) => {
    const done = insert(definition, from, member, added);
    editing.change(done.definition);
    const [first] = done.ids;
    if (first !== undefined) choose(first);
  };
  const act = {
    copy: () => {
      if (steps.length === 0) return;
      const parts = copied(definition, steps);
      keepCopied(parts);
      setClipboard(parts);
      tellDone(t("workflows.editor.copied", { count: parts.length }));
    },
    paste: () => {
      const last = steps.at(-1) ?? ordered(definition).at(-1)?.id;
      const way = definition.steps.find((one) => one.id === last);
      if (clipboard.length === 0) return;
      if (way && ways(way)[0]) put(way.id, (ways(way)[0] as Way).member, clipboard);
      else if (!way) put(START, "next", clipboard);
    },
    duplicate: () => {
      const parts = copied(definition, steps);
      const last = parts.at(-1);
      const way = last && ways(last)[0];
      if (last && way) put(last.id, way.member, parts);
      else if (last) {
        // Nothing follows an end: its copy stands before it.
        const before = definition.steps.flatMap((one) => ways(one).map((out) => ({ from: one.id, out })));
        const into = before.find(({ out }) => out.to === last.id);
        put(into?.from ?? START, into?.out.member ?? "next", parts);
      }
    },
    remove: () => {
      if (steps.length === 0) return;
      const next = remove(definition, steps);
      editing.change(next);
      choose(null);
      tellDone(
        t("workflows.editor.removed", { count: definition.steps.length - next.steps.length }),
        editing.undo,
      );
    },
    /** Arrow keys: to where a step leads, and back. */
    step: (direction: 1 | -1) => {
      const line = ["trigger", ...ordered(definition).map((one) => one.id)];
      // What has the focus is known at once; the address follows, and keys may come faster.
      const from = (document.activeElement as HTMLElement | null)?.dataset.node ?? part;
      const at = from ? line.indexOf(from) : -1;
      const next = line[Math.max(0, Math.min(line.length - 1, at + direction))];
      if (next === undefined) return;
      choose(next);
      document
        .querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)
        ?.focus({ preventScroll: true });
    },
  };
  useHotkeys([
    ["mod+Z", editing.undo],
    ["mod+shift+Z", editing.redo],
    ["mod+Y", editing.redo],
    // The browser copies what is marked on the page.
    ["mod+C", () => window.getSelection()?.isCollapsed !== false && act.copy(), { preventDefault: false }],
    ["mod+V", act.paste],
    ["mod+D", act.duplicate],
    ["Delete", act.remove],
    ["Backspace", act.remove],
    ["ArrowDown", () => act.step(1)],
    ["ArrowUp", () => act.step(-1)],
    ["Escape", () => choose(null)],
  ]);

  const wrong = useMemo(
    () =>
      new Map(
        [...editing.problems]
          .filter(([key]) => key !== "")
          .map(([key, found]) => [key, found[0]?.reason ?? ""]),
      ),
    [editing.problems],
  );
  const count = [...editing.problems.values()].reduce((sum, found) => sum + found.length, 0);
  const adder = (from: string, way: Way) => {
    const step = definition.steps.find((one) => one.id === from);
    const where = [
      step ? sentences.step(step) : sentences.trigger(definition.trigger),
      sentences.way(way.label),
    ]
      .filter(Boolean)
      .join(", ");
    return (
      <AddMenu
        where={where}
        onAdd={(type) => put(from, way.member, [blank(type)])}
        onPaste={clipboard.length > 0 ? () => put(from, way.member, clipboard) : undefined}
      />
    );
  };
  const panel = part !== undefined && (
    <PartPanel
      definition={definition}
      part={part}
      sentences={sentences}
      problems={editing.problems}
      disabled={false}
      onChange={editing.change}
      onRename={(id) => {
        editing.change(change(definition, part, { id }));
        go({ part: id });
      }}
      onClose={() => choose(null)}
      onCopy={act.copy}
      onDuplicate={act.duplicate}
      onDelete={act.remove}
    />
  );
  const shared = {
    definition,
    sentences,
    figures,
    chosen,
    onChoose: choose,
    onPeople: (step: string, which: Which) => go(peopleOf(step, which)),
    adder,
    wrong,
  };
  const discard = () =>
    confirm({
      title: t("workflows.editor.discardTitle"),
      text: t("workflows.editor.discardText"),
      act: t("workflows.editor.discard"),
      onYes: () => void editing.discard().catch(tellFailed),
    });
  const height = "calc(100dvh - 268px)";
  return (
    <Page
      wide
      title={workflow.name}
      crumbs={[{ label: t("nav.workflows"), to: "/workflows" }]}
      soft={
        <Group gap="xs">
          <StatusBadge status={workflow.status} />
          {editing.drafted && (
            <Tooltip label={t("workflows.editor.draftHint")}>
              <Badge variant="default" tt="none" tabIndex={0}>
                {t("workflows.editor.draft")}
              </Badge>
            </Tooltip>
          )}
          {editing.drafted && <SaveState state={editing.state} at={editing.savedAt} retry={editing.retry} />}
        </Group>
      }
      actions={
        <>
          {editing.drafted && (
            <Button onClick={() => setPublishing("publish")} disabled={definition.steps.length === 0}>
              {t("workflows.editor.publish")}
            </Button>
          )}
          <LifeMenu workflow={workflow} onStart={() => setPublishing("start")} />
          <MoreMenu label={t("workflows.editor.more")} beside>
            <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setRenaming(true)}>
              {t("workflows.editor.rename")}
            </Menu.Item>
            {editing.drafted && (
              <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={discard}>
                {t("workflows.editor.discard")}
              </Menu.Item>
            )}
          </MoreMenu>
        </>
      }
    >
      {tabs}
      {editing.others && (
        <Alert color="orange" p="xs">
          <Group justify="space-between">
            <Text size="sm">{t("workflows.editor.others")}</Text>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={editing.takeTheirs}>
                {t("workflows.editor.takeTheirs")}
              </Button>
              <Button size="xs" variant="default" onClick={editing.keepMine}>
                {t("workflows.editor.keepMine")}
              </Button>
            </Group>
          </Group>
        </Alert>
      )}
      <Group justify="space-between" gap="xs">
        <Group gap={6}>
          <Tool label={t("workflows.editor.undo")} act={editing.undo} off={!editing.canUndo}>
            <IconArrowBackUp size={17} aria-hidden />
          </Tool>
          <Tool label={t("workflows.editor.redo")} act={editing.redo} off={!editing.canRedo}>
            <IconArrowForwardUp size={17} aria-hidden />
          </Tool>
          <Button
            size="xs"
            variant={part === "rules" ? "light" : "default"}
            color={wrong.has("rules") ? "red" : undefined}
            leftSection={<IconAdjustments size={15} aria-hidden />}
            onClick={() => choose(part === "rules" ? null : "rules")}
          >
            {t("workflows.editor.rules")}
          </Button>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconTestPipe size={15} aria-hidden />}
            onClick={() => setTrying(true)}
          >
            {t("workflows.simulate.title")}
          </Button>
          {steps.length > 1 && (
            <Text size="sm" c="dimmed">
              {t("workflows.editor.chosen", { count: steps.length })}
            </Text>
          )}
        </Group>
        {tried ? (
          <Button size="xs" variant="light" onClick={() => setTried(undefined)}>
            {t("workflows.simulate.shown")} · {t("workflows.simulate.hide")}
          </Button>
        ) : (
          count > 0 && (
            <Text size="sm" c="red" fw={600} role="status">
              {t("workflows.editor.problems", { count })}
            </Text>
          )
        )}
      </Group>
      {(editing.problems.get("") ?? []).map((one) => (
        <Alert key={`${one.field}:${one.reason}`} color="red" p="xs">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {definition.steps.length === 0 ? t("workflows.editor.noSteps") : one.reason}
          </Text>
        </Alert>
      ))}
      {phone ? (
        <>
          <StepList {...shared} />
          <Drawer.Root opened={part !== undefined} onClose={() => choose(null)} position="bottom" size="85%">
            <Drawer.Overlay />
            <Drawer.Content aria-label={t("common.edit")}>
              <Drawer.Body p={0}>{panel}</Drawer.Body>
            </Drawer.Content>
          </Drawer.Root>
        </>
      ) : (
        <Group align="stretch" gap="sm" wrap="nowrap" style={{ height, minHeight: 420 }}>
          <Box style={{ flex: 1, minWidth: 0 }}>
            <Suspense fallback={<Skeleton height={420} />}>
              <Canvas {...shared} height="100%" />
            </Suspense>
          </Box>
          {panel && (
            <Box
              w={400}
              style={{
                flexShrink: 0,
                border: "1px solid var(--syncom-line)",
                borderRadius: 16,
                overflow: "hidden",
              }}
            >
              {panel}
            </Box>
          )}
        </Group>
      )}
      {publishing && (
        <PublishDialog
          workflow={workflow}
          editing={editing}
          sentences={sentences}
          start={publishing === "start"}
          onClose={() => setPublishing(undefined)}
        />
      )}
      {trying && (
        <SimulatePanel
          workflow={workflow}
          definition={definition}
          sentences={sentences}
          broken={count > 0}
          onShow={(found) => {
            setTried(found);
            setTrying(false);
          }}
          onClose={() => setTrying(false)}
        />
      )}
      {renaming && <RenameDialog workflow={workflow} onClose={() => setRenaming(false)} />}
    </Page>
  );
}

function Tool({
  label,
  act,
  off,
  children,
}: {
  label: string;
  act: () => void;
  off: boolean;
  children: React.ReactNode;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="default" size={30} onClick={act} disabled={off} aria-label={label}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
