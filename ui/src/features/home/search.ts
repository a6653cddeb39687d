/** What the addresses of the first page and of the first steps carry. */

export const STEPS = ["account", "sender", "contacts", "email", "send", "done"] as const;
export type Step = (typeof STEPS)[number];

export type HomeSearch = { days?: 7 | 30 };

/** What was made so far, by its ids, so that a step can be gone back to, and a link opens it. */
export type WelcomeSearch = {
  step?: Step;
  sender?: number;
  list?: number;
  template?: number;
  campaign?: number;
};

export function homeSearch(search: Record<string, unknown>): HomeSearch {
  return Number(search.days) === 7 ? { days: 7 } : {};
}

export function welcomeSearch(search: Record<string, unknown>): WelcomeSearch {
  const id = (name: string) => {
    const value = Number(search[name]);
    return Number.isSafeInteger(value) && value > 0 ? { [name]: value } : {};
  };
  return {
    ...(STEPS.includes(search.step as Step) ? { step: search.step as Step } : {}),
    ...id("sender"),
    ...id("list"),
    ...id("template"),
    ...id("campaign"),
  };
}
