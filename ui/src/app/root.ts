/** The route above all others. Features hang theirs on it. */
import { createRootRoute } from "@tanstack/react-router";
import { allWords } from "~/i18n/setup";
import { CouldNotShow, Missing } from "./Missing";
import { Shell } from "./Shell";

export const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: Missing,
  errorComponent: CouldNotShow,
  beforeLoad: async ({ location }) => {
    // The first pages show sooner without the words and styles of all others.
    if (location.pathname === "/") return;
    if (location.pathname === "/welcome") await import("~/theme/steps");
    else await Promise.all([import("~/theme/more"), allWords()]);
  },
});
