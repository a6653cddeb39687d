/** A draft while it is edited: what was done and can be taken back, saved by itself a moment after each change. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api, ask, Failure } from "~/api/client";
import type { Draft, Workflow, WorkflowSeen } from "~/api/schema";
import { type Definition, read, same, write } from "../model/definition";
import { begin, type History, push, redo, undo } from "../model/history";
import { type Problems, placed } from "../model/problems";
import { draftQuery, workflowQuery } from "../queries";

/** Milliseconds of rest before a change is saved. */
const REST = 700;
const NONE: Problems = new Map();

export type Editing = {
  definition: Definition;
  /** What is published. */
  published: Definition;
  /** There are changes that are not published. */
  drafted: boolean;
  draft: Draft | null | undefined;
  change: (next: Definition, tag?: string) => void;
  undo: () => void;
  redo: () => void;
  canUndo: boolean;
  canRedo: boolean;
  problems: Problems;
  state: "saved" | "saving" | "unsaved" | "failed";
  savedAt: Date | undefined;
  retry: () => void;
  /** Saves what is not saved yet; false: it did not work. */
  settle: () => Promise<boolean>;
  /** Somebody else saved a draft since. */
  others: boolean;
  takeTheirs: () => void;
  keepMine: () => void;
  /** Forget the draft. */
  discard: () => Promise<void>;
  /** The draft was published as this. */
  publishedAs: (workflow: Workflow) => void;
};

export function useEditing(workflow: WorkflowSeen, initial: Draft | null): Editing {
  const id = workflow.workflow_id;
  const client = useQueryClient();
  const published = useMemo(() => read(workflow.definition), [workflow.definition]);
  const start = useMemo(
    () => (initial ? read(initial.definition) : read(workflow.definition)),
    [initial, workflow.definition],
  );
  const [history, setHistory] = useState<History<Definition>>(() => begin(start));
  const [state, setState] = useState<Editing["state"]>("saved");
  const [savedAt, setSavedAt] = useState<Date | undefined>(() =>
    initial ? new Date(initial.drafted_at) : undefined,
  );
  const [problems, setProblems] = useState<Problems>(() =>
    initial ? placed(initial.problems, start) : NONE,
  );
  const [others, setOthers] = useState(false);
  /** What the server has, as far as is known. */
  const saved = useRef(start);
  const now = useRef(history.now);
  now.current = history.now;
  const newest = useRef(workflow.version);
  const etag = useRef<string | undefined>(undefined);
  const timer = useRef<number | undefined>(undefined);
  const running = useRef<Promise<boolean> | undefined>(undefined);
  const draft = useQuery({ ...draftQuery(id), initialData: initial }).data;

  const send = useCallback(
    async (force: boolean): Promise<boolean> => {
      window.clearTimeout(timer.current);
      if (running.current) await running.current;
      if (now.current === saved.current && !force) return true;
      const sent = now.current;
      setState("saving");
      const work = (async () => {
        try {
          const answer = await put(id, sent, force ? undefined : etag.current);
          etag.current = answer.etag;
          saved.current = sent;
          setSavedAt(new Date());
          setOthers(false);
          setProblems(placed(answer.draft.problems, sent));
          setState(now.current === sent ? "saved" : "unsaved");
          client.setQueryData(draftQuery(id).queryKey, answer.draft);
          return true;
        } catch (error) {
          if (error instanceof Failure && error.code === "conflict") {
            const theirs = await client
              .fetchQuery({ ...draftQuery(id), staleTime: 0 })
              .catch(() => undefined);
            // Starting, pausing and renaming change the workflow as well, and not what is written of it.
            if (theirs === undefined || !same(read(theirs?.definition ?? workflow.definition), saved.current))
              setOthers(true);
            else {
              etag.current = undefined;
              window.setTimeout(() => void sendLater.current(false), 0);
            }
          }
          setState("failed");
          return false;
        }
      })();
      running.current = work;
      const done = await work;
      running.current = undefined;
      return done;
    },
    [client, id, workflow.definition],
  );
  const sendLater = useRef(send);
  sendLater.current = send;

  const change = useCallback((next: Definition, tag = "") => setHistory((one) => push(one, next, tag)), []);

  // Whatever way it changed, also back and forth: it is saved after a rest.
  const definition = history.now;
  useEffect(() => {
    if (definition === saved.current) return;
    setState((before) => (before === "saving" ? before : "unsaved"));
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => void sendLater.current(false), REST);
    return () => window.clearTimeout(timer.current);
  }, [definition]);

  // Leaving the page saves; closing the window asks.
  useEffect(() => {
    const guard = (event: BeforeUnloadEvent) => {
      if (now.current !== saved.current) event.preventDefault();
    };
    window.addEventListener("beforeunload", guard);
    return () => {
      window.removeEventListener("beforeunload", guard);
      if (now.current !== saved.current) void sendLater.current(false);
    };
  }, []);

  // Another one's draft, told by the live stream: shown at once where nothing of one's own would be lost.
  const clean = state === "saved";
  useEffect(() => {
    // What was just published is newer than what is shown of the workflow until it is fetched again.
    if (draft === undefined || (draft === null && workflow.version < newest.current)) return;
    const theirs = draft ? read(draft.definition) : published;
    if (running.current || same(theirs, saved.current)) return;
    if (clean && now.current === saved.current) {
      saved.current = theirs;
      setHistory((one) => push(one, theirs));
      setProblems(draft ? placed(draft.problems, theirs) : NONE);
    } else setOthers(true);
  }, [draft, published, clean, workflow.version]);

  const restart = (next: Definition, found: Problems) => {
    saved.current = next;
    etag.current = undefined;
    setHistory(begin(next));
    setProblems(found);
    setOthers(false);
    setState("saved");
  };
  return {
    definition,
    published,
    drafted: draft !== null || !same(definition, published),
    draft,
    change,
    undo: () => setHistory(undo),
    redo: () => setHistory(redo),
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
    problems,
    state,
    savedAt,
    retry: () => void send(false),
    settle: () => send(false),
    others,
    takeTheirs: () => {
      const theirs = draft ? read(draft.definition) : published;
      restart(theirs, draft ? placed(draft.problems, theirs) : NONE);
    },
    keepMine: () => void send(true),
    discard: async () => {
      window.clearTimeout(timer.current);
      if (running.current) await running.current;
      if (draft)
        await ask(
          api.DELETE("/syncom/v1/workflows/{workflow_id}/draft", { params: { path: { workflow_id: id } } }),
        );
      restart(published, NONE);
      client.setQueryData(draftQuery(id).queryKey, null);
    },
    publishedAs: (now) => {
      newest.current = now.version;
      restart(read(now.definition), NONE);
      client.setQueryData(draftQuery(id).queryKey, null);
      client.setQueryData(workflowQuery(id).queryKey, (before) => before && { ...before, ...now });
    },
  };
}

async function put(workflow_id: number, definition: Definition, etag: string | undefined) {
  let found: string | undefined;
  const draft = await ask(
    api
      .PUT("/syncom/v1/workflows/{workflow_id}/draft", {
        params: { path: { workflow_id } },
        body: { definition: write(definition) },
        headers: etag ? { "If-Match": etag } : {},
      })
      .then((answer) => {
        found = answer.response.headers.get("etag") ?? undefined;
        return answer;
      }),
  );
  return { draft, etag: found };
}
