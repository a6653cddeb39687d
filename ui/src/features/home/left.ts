/** Whether somebody left the first steps, so that they are not led there again; remembered by the browser. */
const KEY = "syncom-welcome-left";

export function hasLeft(account: number): boolean {
  try {
    return localStorage.getItem(`${KEY}-${account}`) !== null;
  } catch {
    return true;
  }
}

export function leave(account: number): void {
  try {
    localStorage.setItem(`${KEY}-${account}`, "1");
  } catch {
    // Storage may be refused; then nobody is led there (see above).
  }
}
