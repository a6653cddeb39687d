/** What changed on the server, as it changes. One stream a browser: the leading tab tells the others. The stream only
 *  says what changed; queries whose key begins with that kind are fetched again. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

/** What the stream says of a change (docs/live.md). `reset`: something was missed. */
type Change = { kind: string; id: string | null };
const RESET = "reset";

export function LiveUpdates() {
  const client = useQueryClient();
  useEffect(() => {
    const channel = new BroadcastChannel("syncom-live");
    const renew = (kind: string) =>
      void client.invalidateQueries(kind === RESET ? undefined : { queryKey: [kind] });
    channel.onmessage = (event: MessageEvent<string>) => renew(event.data);
    const leaving = new AbortController();
    const lead = () =>
      new Promise<void>((resolve) => {
        const source = new EventSource("/syncom/v1/live");
        const tell = (kind: string) => {
          renew(kind);
          channel.postMessage(kind);
        };
        source.addEventListener("changed", (event) => tell((JSON.parse(event.data) as Change).kind));
        source.addEventListener(RESET, () => tell(RESET));
        leaving.signal.addEventListener("abort", () => {
          source.close();
          resolve();
        });
      });
    // Held until the tab goes; then another one leads.
    navigator.locks?.request("syncom-live", { signal: leaving.signal }, lead).catch(() => undefined);
    return () => {
      leaving.abort();
      channel.close();
    };
  }, [client]);
  return null;
}
