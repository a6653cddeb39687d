/** Ask before what cannot be undone. The dialog is fetched when it is needed first. */
import { lazy, Suspense, useSyncExternalStore } from "react";

export type Question = {
  title: string;
  text: string;
  /** Name the act on the button: "Delete 3 contacts", never "OK". */
  act: string;
  /** The act takes something away; true. */
  danger?: boolean;
  onYes: () => void;
};

const Asked = lazy(() => import("./Asked"));
let question: Question | undefined;
const listeners = new Set<() => void>();

function set(next: Question | undefined): void {
  question = next;
  for (const tell of listeners) tell();
}

export function confirm(asked: Question): void {
  set(asked);
}

/** Where questions appear; once in the application. */
export function Questions() {
  const asked = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => question,
  );
  return asked ? (
    <Suspense fallback={null}>
      <Asked question={asked} onEnd={() => set(undefined)} />
    </Suspense>
  ) : null;
}
