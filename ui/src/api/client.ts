/** The one way to the server: typed by its OpenAPI document, errors as `Failure`. */
import createClient, { type Middleware } from "openapi-fetch";
import type { Problem, paths } from "./schema";

/** One wrong field: a dotted path into what was sent, and what is wrong with it. */
export type FieldError = { field: string; reason: string };

/** What went wrong, in words for the person who looks. */
export class Failure extends Error {
  readonly status: number;
  /** A short name that does not change: `invalid`, `conflict`, `not_found`, … `offline` when nothing answered. */
  readonly code: string;
  readonly title: string;
  readonly fields: readonly FieldError[];
  readonly requestId: string;
  /** The whole answer: some codes carry more. */
  readonly problem: Problem | undefined;

  constructor(status: number, code: string, title: string, detail: string, problem?: Problem) {
    super(detail || title);
    this.name = "Failure";
    this.status = status;
    this.code = code;
    this.title = title;
    this.fields = problem?.errors ?? [];
    this.requestId = problem?.request_id ?? "";
    this.problem = problem;
  }
}

/** Told when the server says that nobody is signed in. */
type Listener = () => void;
const listeners = new Set<Listener>();

/** Call `listener` whenever a request is refused because the session is over. Returns how to stop. */
export function onSignedOut(listener: Listener): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

const sessionWatch: Middleware = {
  onResponse({ response, schemaPath }) {
    if (response.status === 401 && schemaPath !== "/syncom/v1/session") for (const tell of listeners) tell();
  },
};

/** `api.GET("/syncom/v1/contacts", …)`: see `schema.d.ts`. Wrap calls in {@link ask}. */
export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });
api.use(sessionWatch);

type Answer<Data> = { data?: Data; error?: unknown; response: Response };

/** The data of an answer. Throws `Failure`. */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Failure(0, "offline", "", "");
  }
  if (answer.error !== undefined || !answer.response.ok)
    throw failureOf(answer.response.status, answer.error);
  return answer.data as Data;
}

/** The same for what openapi-fetch cannot send: files, plain text. */
export async function askPlain(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Failure(0, "offline", "", "");
  }
  if (response.ok) return response;
  if (response.status === 401) for (const tell of listeners) tell();
  const text = await response.text();
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  throw failureOf(response.status, problem);
}

export function failureOf(status: number, error: unknown): Failure {
  const problem = error && typeof error === "object" && "title" in error ? (error as Problem) : undefined;
  if (!problem) return new Failure(status, status >= 500 ? "internal" : "error", "", "");
  const code = problem.type.split("#problem-")[1] ?? "error";
  return new Failure(status, code, problem.title, problem.detail, problem);
}
