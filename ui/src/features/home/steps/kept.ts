/** What was typed in a step, kept by the tab until it is closed: going back or loading again loses nothing. */
const KEY = "syncom-welcome";

export function kept<Values extends object>(step: string, initial: Values): Values {
  try {
    return {
      ...initial,
      ...(JSON.parse(sessionStorage.getItem(`${KEY}-${step}`) ?? "{}") as Partial<Values>),
    };
  } catch {
    return initial;
  }
}

/** Passwords are not kept. */
export function keep(step: string, values: object): void {
  try {
    sessionStorage.setItem(`${KEY}-${step}`, JSON.stringify(values));
  } catch {
    // Then it is typed again after the page was loaded again.
  }
}
