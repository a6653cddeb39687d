import { Button, Group, Modal, SegmentedControl, Select, Skeleton, Text, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconLanguage, IconSend, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useBlocker, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EMAIL, nameOf } from "~/api/channels";
import { api, ask } from "~/api/client";
import type { LanguageVersion, Template, TemplateDraft } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { SaveState } from "~/ui/SaveState";
import { tellDone, tellFailed } from "~/ui/tell";
import { AddLanguage } from "../parts/AddLanguage";
import { ConflictDialog } from "../parts/ConflictDialog";
import { Settings } from "../parts/Settings";
import { TemplateActions } from "../parts/TemplateActions";
import { TestSend } from "../parts/TestSend";
import { Versions } from "../parts/Versions";
import { WritingViews } from "../parts/WritingViews";
import { draftQuery, languagesQuery, templateQuery } from "../queries";
import { VIEWS, type View } from "../routes";
import { type DraftWriting, useDraft, useLanguage, type Writing } from "../writing";

const route = getRouteApi("/templates/$id");

export function TemplatePage() {
  const { t } = useTranslation();
  const id = Number(route.useParams().id);
  const { language } = route.useSearch();
  const [turn, setTurn] = useState(0);
  const client = useQueryClient();
  const template = useQuery({ ...templateQuery(id), enabled: Number.isSafeInteger(id) });
  const draft = useQuery({ ...draftQuery(id), enabled: Number.isSafeInteger(id) });
  const languages = useQuery({ ...languagesQuery(id), enabled: language !== undefined });
  const again = async () => {
    await Promise.all([
      client.fetchQuery({ ...templateQuery(id), staleTime: 0 }),
      client.fetchQuery({ ...draftQuery(id), staleTime: 0 }),
      client.invalidateQueries({ queryKey: ["template", id] }),
    ]);
    setTurn((before) => before + 1);
  };
  const failed = template.error ?? draft.error ?? languages.error;
  if (failed && !template.data)
    return (
      <Page title={t("templates.one")} crumbs={[{ label: t("nav.templates"), to: "/templates" }]}>
        <Failed error={failed} retry={() => void again()} />
      </Page>
    );
  if (!template.data || draft.data === undefined || (language !== undefined && !languages.data))
    return (
      <Page title={t("templates.one")} wide>
        <Skeleton height={520} radius="md" role="status" aria-label={t("common.loading")} />
      </Page>
    );
  if (language !== undefined && language !== template.data.language)
    return (
      <LanguageEditor
        key={`${id} ${language} ${turn}`}
        template={template.data}
        language={language}
        stored={languages.data?.items.find((one) => one.language === language)}
        again={again}
      />
    );
  return <DraftEditor key={`${id} ${turn}`} template={template.data} draft={draft.data} again={again} />;
}

function DraftEditor({
  template,
  draft,
  again,
}: {
  template: Template;
  draft: TemplateDraft | null;
  again: () => Promise<void>;
}) {
  const { t } = useTranslation();
  const may = useMay("write_content");
  const id = template.template_id;
  const writing = useDraft(template, draft);
  const [wrong, setWrong] = useState<unknown>();
  const publish = async () => {
    setWrong(undefined);
    try {
      if (await writing.publish()) tellDone(t("editor.publishDone"));
    } catch (error) {
      setWrong(error);
    }
  };
  const drop = async () => {
    try {
      await ask(
        api.DELETE("/syncom/v1/templates/{template_id}/draft", { params: { path: { template_id: id } } }),
      );
      await again();
    } catch (error) {
      tellFailed(error);
    }
  };
  const restore = async (version: number) => {
    try {
      await ask(
        api.POST("/syncom/v1/templates/{template_id}/versions/{version}/restore", {
          params: { path: { template_id: id, version }, query: { newest: template.version } },
        }),
      );
      if (writing.pending)
        await ask(
          api.DELETE("/syncom/v1/templates/{template_id}/draft", { params: { path: { template_id: id } } }),
        );
      await again();
      tellDone(t("editor.restored", { version }));
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <>
      <Frame
        template={template}
        writing={writing}
        may={may}
        actions={
          may && (
            <>
              <Button
                onClick={() => void publish()}
                loading={writing.publishing}
                disabled={!writing.pending && !writing.dirty() && writing.state === "saved"}
              >
                {t("editor.publish")}
              </Button>
              {writing.pending && (
                <Tooltip label={t("editor.drop")}>
                  <Button
                    variant="default"
                    px={8}
                    aria-label={t("editor.drop")}
                    onClick={() =>
                      confirm({
                        title: t("editor.dropTitle"),
                        text: t("editor.dropText"),
                        act: t("editor.drop"),
                        onYes: () => void drop(),
                      })
                    }
                  >
                    <IconArrowBackUp size={18} aria-hidden />
                  </Button>
                </Tooltip>
              )}
            </>
          )
        }
        wrong={wrong}
        restore={(version) =>
          confirm({
            title: t("editor.restoreTitle", { version }),
            text: t("editor.restoreText"),
            act: t("editor.restore"),
            danger: false,
            onYes: () => void restore(version),
          })
        }
        draft={writing}
      />
      {writing.conflict && (
        <ConflictDialog
          conflict={writing.conflict}
          mine={writing.content}
          onMine={() => void writing.settle("mine").catch(setWrong)}
          onLater={() => void writing.settle("later")}
          onTheirs={() => void (writing.conflict?.of === "version" ? drop() : again())}
        />
      )}
    </>
  );
}

function LanguageEditor({
  template,
  language,
  stored,
  again,
}: {
  template: Template;
  language: string;
  stored: LanguageVersion | undefined;
  again: () => Promise<void>;
}) {
  const { t } = useTranslation();
  const go = useNavigate();
  const may = useMay("write_content");
  const writing = useLanguage(template, language, stored);
  const id = template.template_id;
  const remove = async () => {
    try {
      await ask(
        api.DELETE("/syncom/v1/templates/{template_id}/languages/{language}", {
          params: { path: { template_id: id, language } },
        }),
      );
      await again();
      void go({ to: "/templates/$id", params: { id: String(id) }, ignoreBlocker: true });
    } catch (error) {
      tellFailed(error);
    }
  };
  return (
    <Frame
      template={template}
      writing={writing}
      may={may}
      wrong={writing.state === "failed" ? writing.error : undefined}
      actions={
        may && (
          <>
            <Button
              onClick={() => void writing.save()}
              loading={writing.state === "saving"}
              disabled={!writing.dirty()}
            >
              {t("editor.saveLanguage", { language: named(language) })}
            </Button>
            {stored && (
              <Button
                variant="default"
                px={8}
                aria-label={t("editor.removeLanguage", { language: named(language) })}
                onClick={() =>
                  confirm({
                    title: t("editor.removeLanguage", { language: named(language) }),
                    text: t("editor.removeLanguageText"),
                    act: t("common.remove"),
                    onYes: () => void remove(),
                  })
                }
              >
                <IconTrash size={18} aria-hidden />
              </Button>
            )}
          </>
        )
      }
    />
  );
}

function Frame({
  template,
  writing,
  may,
  actions,
  wrong,
  restore,
  draft,
}: {
  template: Template;
  writing: Writing;
  may: boolean;
  actions: React.ReactNode;
  wrong?: unknown;
  restore?: (version: number) => void;
  draft?: DraftWriting;
}) {
  const { t } = useTranslation();
  const go = useNavigate();
  const search = route.useSearch();
  const maySend = useMay("send");
  const [testing, setTesting] = useState(false);
  const [adding, setAdding] = useState(false);
  const id = String(template.template_id);
  const isMail = template.channel === EMAIL;
  const views: View[] = VIEWS.filter(
    (view) =>
      (isMail || (view !== "text" && view !== "preview")) &&
      (draft !== undefined || (view !== "versions" && view !== "settings")),
  );
  const view = views.find((one) => one === search.view) ?? "content";
  const show = (part: Partial<typeof search>, replace = true) =>
    void go({ to: "/templates/$id", params: { id }, search: { ...search, ...part }, replace });
  const guard = useBlocker({
    shouldBlockFn: async ({ current, next }) => {
      const stays = current.pathname === next.pathname;
      const other = (next.search as typeof search).language !== (current.search as typeof search).language;
      if ((stays && !other) || !writing.dirty()) return false;
      return draft ? !(await draft.save()) : true;
    },
    enableBeforeUnload: () => writing.dirty(),
    withResolver: true,
  });
  const languages = [
    ...new Set([template.language, ...template.languages, search.language ?? template.language]),
  ];
  return (
    <Page
      title={writing.content.name || t("templates.untitled")}
      soft={
        <Group gap="md">
          {t(`templates.channels.${nameOf(template.channel)}`)}
          {draft && (
            <span>
              {draft.pending
                ? t("editor.unpublished", { version: template.version })
                : t("editor.isPublished", { version: template.version })}
            </span>
          )}
          {may && <SaveState state={writing.state} at={writing.at} retry={() => void writing.save()} />}
        </Group>
      }
      crumbs={[{ label: t("nav.templates"), to: "/templates" }]}
      wide
      actions={
        <>
          <Select
            size="sm"
            w={196}
            aria-label={t("editor.language")}
            leftSection={<IconLanguage size={16} aria-hidden />}
            value={search.language ?? template.language}
            allowDeselect={false}
            onChange={(value) => {
              if (value === ADD) setAdding(true);
              else if (value !== null)
                show({ language: value === template.language ? undefined : value, view: undefined }, false);
            }}
            data={[
              ...languages.map((code) => ({
                value: code,
                label: code === "" ? t("editor.everyLanguage") : named(code),
              })),
              ...(may ? [{ value: ADD, label: t("editor.addLanguage") }] : []),
            ]}
          />
          {isMail && maySend && (
            <Button
              variant="default"
              leftSection={<IconSend size={16} aria-hidden />}
              onClick={() => setTesting(true)}
            >
              {t("editor.test")}
            </Button>
          )}
          {actions}
          {draft && (
            <TemplateActions row={template} gone={() => void go({ to: "/templates", ignoreBlocker: true })} />
          )}
        </>
      }
    >
      {wrong !== undefined && <Failed error={wrong} />}
      {views.length > 1 && (
        <Group>
          <SegmentedControl
            value={view}
            onChange={(value) => show({ view: value === "content" ? undefined : (value as View) })}
            aria-label={t("editor.view")}
            data={views.map((one) => ({ value: one, label: t(`editor.views.${one}`) }))}
          />
        </Group>
      )}
      {view === "settings" && draft ? (
        <Settings template={template} writing={draft} />
      ) : view === "versions" && restore ? (
        <Versions
          template={template}
          content={writing.content}
          chosen={search.version}
          onChoose={(version) => show({ version })}
          onRestore={restore}
        />
      ) : (
        <WritingViews
          view={view}
          writing={writing}
          contact={search.contact}
          onContact={(contact) => show({ contact })}
          onView={(next) => show({ view: next })}
          readOnly={!may}
        />
      )}
      {testing && (
        <TestSend
          content={writing.content}
          contact={search.contact}
          hasAttachments={template.attachments.length > 0}
          onClose={() => setTesting(false)}
        />
      )}
      {adding && (
        <AddLanguage
          known={languages}
          onClose={() => setAdding(false)}
          onAdd={(code) => {
            setAdding(false);
            show({ language: code, view: undefined }, false);
          }}
        />
      )}
      {guard.status === "blocked" && (
        <Modal opened onClose={guard.reset} title={t("editor.leaveTitle")}>
          <Text size="sm">{t("editor.leaveText")}</Text>
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={guard.reset} data-autofocus>
              {t("editor.stay")}
            </Button>
            <Button color="red" onClick={guard.proceed}>
              {t("editor.leave")}
            </Button>
          </Group>
        </Modal>
      )}
    </Page>
  );
}

const ADD = "+";

/** A language in the viewer's own. */
function named(code: string): string {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
