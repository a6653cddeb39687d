/** What is being written of a template: kept as a draft every second or two, published when its author says so. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, ask, Failure } from "~/api/client";
import type { LanguageVersion, Template, TemplateDraft, TemplateInput } from "~/api/schema";
import { type Content, contentOf, draftQuery, languagesQuery, templateQuery, versionsQuery } from "./queries";

export type Saved = "saved" | "saving" | "unsaved" | "failed";

/** Somebody else was quicker: what they have, and what of ours was refused. */
export type Conflict = { of: "draft" | "version"; theirs: Content; who: string; at: string };

export type Writing = {
  content: Content;
  change: (part: Partial<Content>) => void;
  state: Saved;
  at: Date | undefined;
  error: unknown;
  /** Save now. Whether all is saved. */
  save: () => Promise<boolean>;
  dirty: () => boolean;
};

export type DraftWriting = Writing & {
  /** There is something that is not published. */
  pending: boolean;
  publishing: boolean;
  publish: (overwrite?: boolean) => Promise<boolean>;
  conflict: Conflict | undefined;
  settle: (keep: "mine" | "later") => Promise<void>;
  /** The published version is another one now, by our own doing. */
  follow: (version: number) => Promise<void>;
};

const PAUSE = 1200;
const AGAIN = 8000;

export function useDraft(template: Template, draft: TemplateDraft | null): DraftWriting {
  const id = template.template_id;
  const client = useQueryClient();
  const [content, setContent] = useState<Content>(() => begun(template, draft));
  const [state, setState] = useState<Saved>("saved");
  const [at, setAt] = useState<Date | undefined>(draft ? new Date(draft.drafted_at) : undefined);
  const [error, setError] = useState<unknown>();
  const [pending, setPending] = useState(draft !== null);
  const [publishing, setPublishing] = useState(false);
  const [conflict, setConflict] = useState<Conflict>();
  const now = useRef(content);
  const changes = useRef({ made: 0, saved: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const running = useRef<Promise<boolean>>(undefined);
  const blocked = useRef(false);
  // Of the draft that ours goes on from; where there is none, one that appears meanwhile is somebody else's.
  const seen = useRef<string | null>(draft?.drafted_at ?? template.updated_at);
  const again = useRef<() => Promise<boolean>>(undefined);
  const from = useRef(draft?.from_version ?? template.version);

  const put = useCallback(async (): Promise<boolean> => {
    const made = changes.current.made;
    setState("saving");
    try {
      const saved = await ask(
        api.PUT("/syncom/v1/templates/{template_id}/draft", {
          params: { path: { template_id: id } },
          body: { content: now.current, from_version: from.current, seen_at: seen.current },
        }),
      );
      seen.current = saved.drafted_at;
      changes.current.saved = made;
      client.setQueryData(draftQuery(id).queryKey, saved);
      setPending(true);
      setAt(new Date(saved.drafted_at));
      setError(undefined);
      setState(changes.current.made === made ? "saved" : "unsaved");
      return changes.current.made === made;
    } catch (failure) {
      setState("failed");
      setError(failure);
      if (failure instanceof Failure && failure.status === 409) {
        blocked.current = true;
        const theirs = await client.fetchQuery({ ...draftQuery(id), staleTime: 0 });
        if (theirs)
          setConflict({
            of: "draft",
            theirs: begun(template, theirs),
            who: theirs.drafted_by,
            at: theirs.drafted_at,
          });
      } else if (!(failure instanceof Failure) || failure.status === 0 || failure.status >= 500) {
        timer.current = setTimeout(() => void again.current?.(), AGAIN);
      }
      return false;
    }
  }, [client, id, template]);

  const save = useCallback(async (): Promise<boolean> => {
    clearTimeout(timer.current);
    await running.current;
    if (changes.current.made === changes.current.saved) return true;
    if (blocked.current) return false;
    running.current = put();
    return running.current;
  }, [put]);

  again.current = save;

  const change = useCallback(
    (part: Partial<Content>) => {
      now.current = { ...now.current, ...part };
      setContent(now.current);
      changes.current.made += 1;
      setState((before) => (before === "failed" && blocked.current ? before : "unsaved"));
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void save(), PAUSE);
    },
    [save],
  );

  useEffect(() => () => clearTimeout(timer.current), []);

  const publish = async (overwrite = false): Promise<boolean> => {
    setPublishing(true);
    try {
      if (!(await save()) && !(await save())) return false;
      const published = await ask(
        api.POST("/syncom/v1/templates/{template_id}/draft/publish", {
          params: { path: { template_id: id }, query: { overwrite } },
        }),
      );
      from.current = published.version;
      seen.current = published.updated_at;
      client.setQueryData(templateQuery(id).queryKey, published);
      client.setQueryData(draftQuery(id).queryKey, null);
      void client.invalidateQueries({ queryKey: versionsQuery(id).queryKey });
      setPending(false);
      setAt(new Date(published.updated_at));
      return true;
    } catch (failure) {
      if (failure instanceof Failure && failure.status === 409) {
        const theirs = await client.fetchQuery({ ...templateQuery(id), staleTime: 0 });
        setConflict({ of: "version", theirs: contentOf(theirs), who: "", at: theirs.updated_at });
        return false;
      }
      throw failure;
    } finally {
      setPublishing(false);
    }
  };

  const settle = async (keep: "mine" | "later"): Promise<void> => {
    const about = conflict;
    setConflict(undefined);
    if (keep !== "mine" || !about) return;
    if (about.of === "version") {
      await publish(true);
      return;
    }
    blocked.current = false;
    seen.current = null;
    await save();
  };

  const follow = async (version: number): Promise<void> => {
    from.current = version;
    if (!pending) return;
    changes.current.made += 1;
    await save();
  };

  return {
    content,
    change,
    state,
    at,
    error,
    save,
    dirty: () => changes.current.made !== changes.current.saved,
    pending,
    publishing,
    publish,
    conflict,
    settle,
    follow,
  };
}

/** A version in another language: it is published when it is saved, so its author says when. */
export function useLanguage(
  template: Template,
  language: string,
  stored: LanguageVersion | undefined,
): Writing {
  const id = template.template_id;
  const client = useQueryClient();
  const [content, setContent] = useState<Content>(() => translated(template, language, stored));
  const [state, setState] = useState<Saved>(stored ? "saved" : "unsaved");
  const [at, setAt] = useState<Date | undefined>(stored ? new Date(stored.updated_at) : undefined);
  const [error, setError] = useState<unknown>();
  const changed = useRef(stored === undefined);
  const now = useRef(content);
  return {
    content,
    change: (part) => {
      now.current = { ...now.current, ...part };
      setContent(now.current);
      changed.current = true;
      setState("unsaved");
    },
    state,
    at,
    error,
    dirty: () => changed.current,
    save: async () => {
      setState("saving");
      const { subject, source, preheader, text, members } = now.current;
      try {
        const saved = await ask(
          api.PUT("/syncom/v1/templates/{template_id}/languages/{language}", {
            params: { path: { template_id: id, language } },
            body: { subject, source, preheader, text, members },
          }),
        );
        client.setQueryData(templateQuery(id).queryKey, saved);
        await client.invalidateQueries({ queryKey: languagesQuery(id).queryKey });
        changed.current = false;
        setAt(new Date());
        setError(undefined);
        setState("saved");
        return true;
      } catch (failure) {
        setError(failure);
        setState("failed");
        return false;
      }
    },
  };
}

/** A draft may hold anything: members that are missing or of another kind are those of the template. */
export function begun(template: Template, draft: TemplateDraft | null): Content {
  const whole = contentOf(template);
  if (!draft) return whole;
  const kept = Object.entries(draft.content).filter(
    ([name, value]) =>
      name in whole &&
      (name === "sender_id"
        ? value === null || typeof value === "number"
        : typeof value === typeof whole[name as keyof Content] &&
          Array.isArray(value) === Array.isArray(whole[name as keyof Content]) &&
          value !== null),
  );
  return { ...whole, ...(Object.fromEntries(kept) as Partial<Content>), channel: whole.channel };
}

function translated(template: Template, language: string, stored: LanguageVersion | undefined): Content {
  const whole = { ...contentOf(template as TemplateInput), language };
  if (!stored) return whole;
  return {
    ...whole,
    subject: stored.subject,
    preheader: stored.preheader,
    source: stored.source,
    text: stored.text,
    members: { ...whole.members, ...stored.members },
  };
}
