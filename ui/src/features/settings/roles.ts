/** What the server lets each role do, from the most to the least (docs/signing-in.md). */
import type { Role } from "~/api/schema";

export const roles: readonly Role[] = ["owner", "admin", "marketer", "viewer"];

/** The roles that somebody of this role may give: none that may do more. */
export function givable(own: Role | undefined): readonly Role[] {
  return own === undefined ? [] : roles.slice(roles.indexOf(own));
}
