/** Pages one was on lately, newest first, by the titles they had; remembered by the browser. */
export type Recent = { path: string; title: string };

const KEY = "syncom-recent";
const MOST = 12;

export function recent(account: number): Recent[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(`${KEY}-${account}`) ?? "[]");
    return Array.isArray(found) ? (found as Recent[]).filter((one) => one.path?.startsWith("/")) : [];
  } catch {
    return [];
  }
}

export function visited(account: number, page: Recent): void {
  const others = recent(account).filter((one) => one.path !== page.path);
  try {
    localStorage.setItem(`${KEY}-${account}`, JSON.stringify([page, ...others].slice(0, MOST)));
  } catch {
    // Storage may be refused; then nothing is remembered.
  }
}
