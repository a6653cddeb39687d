/** The route above all others. Features hang theirs on it. */
import { createRootRoute } from "@tanstack/react-router";
import { CouldNotShow, Missing } from "./Missing";
import { Shell } from "./Shell";

export const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: Missing,
  errorComponent: CouldNotShow,
});
