/** What changed on the server, as it changes. One stream a browser: the leading tab tells the others. The stream only
 *  says what changed; queries whose key begins with that kind are fetched again. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

/** What the stream says of a change (docs/live.md). `reset`: something was missed. */
type Change = { kind: string; id: string | null };
const RESET = "reset";
/** Said among tabs of whether the leader hears the server. */
const LOST = "lost";
const BACK = "back";
/** After the server refused the stream (browsers try again by themselves only when nothing answered). */
const AGAIN = 3000;
/** A server that starts anew is back sooner; nobody has to be told. */
const PATIENCE = 4000;
/** Queries that go by another name than the stream's. */
const ALSO: Readonly<Record<string, string>> = { "contact-import": "import" };

export function LiveUpdates() {
  const client = useQueryClient();
  useEffect(() => {
    const leaving = new AbortController();
    const channel = new BroadcastChannel("syncom-live");
    const hear = (said: string) => {
      if (said === LOST) setLost(true);
      else if (said === BACK) setLost(false);
      else renew(client, said);
    };
    channel.onmessage = (event: MessageEvent<string>) => hear(event.data);
    const tell = (said: string) => {
      hear(said);
      channel.postMessage(said);
    };
    const offline = () => setLost(true);
    window.addEventListener("offline", offline);
    const lead = () => listen(tell, leaving.signal);
    // Held until the tab goes; then another one leads. Browsers have locks only in secure contexts: elsewhere each tab
    // has a stream of its own.
    if (navigator.locks)
      navigator.locks.request("syncom-live", { signal: leaving.signal }, lead).catch(() => undefined);
    else void lead();
    return () => {
      window.removeEventListener("offline", offline);
      leaving.abort();
      channel.close();
    };
  }, [client]);
  return null;
}

function renew(client: QueryClient, kind: string): void {
  if (kind === RESET) {
    void client.invalidateQueries();
    return;
  }
  for (const name of [kind, ALSO[kind], "home"])
    if (name) void client.invalidateQueries({ queryKey: [name] });
}

/** Listens until the signal; tells kinds that changed, and when the stream is lost and back. */
function listen(tell: (said: string) => void, until: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let source: EventSource | undefined;
    let patience: ReturnType<typeof setTimeout> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let isLost = false;
    const lost = () => {
      isLost = true;
      tell(LOST);
    };
    const open = () => {
      source?.close();
      source = new EventSource("/syncom/v1/live");
      source.onopen = () => {
        clearTimeout(patience);
        patience = undefined;
        tell(BACK);
        // What happened meanwhile was not heard.
        if (isLost) tell(RESET);
        isLost = false;
      };
      source.onerror = () => {
        if (!isLost) patience ??= setTimeout(lost, PATIENCE);
        if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN);
      };
      source.addEventListener("changed", (event) => tell((JSON.parse(event.data) as Change).kind));
      source.addEventListener(RESET, () => tell(RESET));
    };
    // Not only when the browser gets round to it.
    const online = () => open();
    window.addEventListener("online", online);
    until.addEventListener("abort", () => {
      window.removeEventListener("online", online);
      clearTimeout(patience);
      clearTimeout(again);
      source?.close();
      resolve();
    });
    open();
  });
}

let isLost = false;
const watchers = new Set<() => void>();

function setLost(next: boolean): void {
  if (next === isLost) return;
  isLost = next;
  for (const tell of watchers) tell();
}

/** Whether the server cannot be heard. */
export function useLost(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => isLost,
  );
}
