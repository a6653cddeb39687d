/** Keys that act anywhere but in a field: `?` shows them, `g` and a letter goes to a place. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

/** By the letter after `g`. */
export const JUMPS: Readonly<Record<string, string>> = {
  h: "/",
  c: "/contacts",
  l: "/lists",
  s: "/segments",
  t: "/templates",
  m: "/campaigns",
  w: "/workflows",
  r: "/reports",
  v: "/events",
  o: "/orders",
  p: "/products",
  i: "/integrations",
  e: "/settings",
};

/** A letter so long after `g` is one by itself. */
const PATIENCE = 1500;

export function useKeys(there: readonly string[], onHelp: () => void): void {
  const go = useNavigate();
  const now = useRef({ there, onHelp });
  now.current = { there, onHelp };
  useEffect(() => {
    let pressed = 0;
    const hear = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target))
        return;
      if (event.key === "?") {
        event.preventDefault();
        now.current.onHelp();
        return;
      }
      // By its place on the keyboard: a Cyrillic layout has the same keys.
      const letter = event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : "";
      const path = JUMPS[letter];
      if (event.timeStamp - pressed < PATIENCE && pressed > 0) {
        pressed = 0;
        if (path && now.current.there.includes(path)) {
          event.preventDefault();
          void go({ to: path as "/" });
        }
      } else if (letter === "g" && !event.shiftKey) pressed = event.timeStamp;
    };
    document.addEventListener("keydown", hear);
    return () => document.removeEventListener("keydown", hear);
  }, [go]);
}

/** In a field, or below a dialog: there keys are the field's. */
function isWriting(target: EventTarget | null): boolean {
  return (
    document.querySelector('[role="dialog"]') !== null ||
    (target instanceof HTMLElement &&
      (target.isContentEditable || target.closest("input, textarea, select, [role=textbox]") !== null))
  );
}
