/**
 * Errors of files of the application that could not be fetched: there is no connection, or a newer version took their
 * place. Vite tells of them before it throws.
 */
const unloaded = new WeakSet<object>();

window.addEventListener("vite:preloadError", (event) => {
  unloaded.add(event.payload);
});

export function isUnloaded(error: unknown): boolean {
  return typeof error === "object" && error !== null && unloaded.has(error);
}
