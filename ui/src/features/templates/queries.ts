import { queryOptions } from "@tanstack/react-query";
import { api, ask, askPlain, Failure } from "~/api/client";
import type { Image, Template, TemplateDraft, TemplateInput, Unsaved } from "~/api/schema";

export const templateQuery = (id: number) =>
  queryOptions({
    queryKey: ["template", id],
    queryFn: ({ signal }) =>
      ask(api.GET("/syncom/v1/templates/{template_id}", { params: { path: { template_id: id } }, signal })),
  });

/** null: nothing is being written. */
export const draftQuery = (id: number) =>
  queryOptions({
    queryKey: ["template", id, "draft"],
    queryFn: async ({ signal }): Promise<TemplateDraft | null> => {
      try {
        return await ask(
          api.GET("/syncom/v1/templates/{template_id}/draft", {
            params: { path: { template_id: id } },
            signal,
          }),
        );
      } catch (error) {
        if (error instanceof Failure && error.status === 404) return null;
        throw error;
      }
    },
  });

export const languagesQuery = (id: number) =>
  queryOptions({
    queryKey: ["template", id, "languages"],
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/templates/{template_id}/languages", {
          params: { path: { template_id: id } },
          signal,
        }),
      ),
  });

export const versionsQuery = (id: number) =>
  queryOptions({
    queryKey: ["template", id, "versions"],
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/templates/{template_id}/versions", {
          params: { path: { template_id: id }, query: { limit: 200 } },
          signal,
        }),
      ),
  });

export const versionQuery = (id: number, version: number) =>
  queryOptions({
    queryKey: ["template", id, "version", version],
    queryFn: ({ signal }) =>
      ask(
        api.GET("/syncom/v1/templates/{template_id}/versions/{version}", {
          params: { path: { template_id: id, version } },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const mergeFieldsQuery = (dialect: "syncom" | "velocity") =>
  queryOptions({
    queryKey: ["account", "merge-fields", dialect],
    queryFn: ({ signal }) =>
      ask(api.GET("/syncom/v1/merge-fields", { params: { query: { dialect } }, signal })),
    staleTime: 60_000,
  });

export const blocksQuery = queryOptions({
  queryKey: ["template", "blocks"],
  queryFn: ({ signal }) =>
    ask(api.GET("/syncom/v1/blocks", { params: { query: { limit: 500, format: "mjml" } }, signal })),
});

/** A template as its author writes it, every member there. */
export type Content = Required<Omit<TemplateInput, "sender_id">> & { sender_id: number | null };

export function contentOf(template: Template | TemplateInput): Content {
  return {
    name: template.name,
    subject: template.subject,
    source: template.source,
    format: template.format ?? "html",
    dialect: template.dialect ?? "syncom",
    preheader: template.preheader ?? "",
    text: template.text ?? "",
    tags: template.tags ?? [],
    language: template.language ?? "",
    sender_id: template.sender_id ?? null,
    from_name: template.from_name ?? "",
    channel: template.channel ?? 1,
    members: template.members ?? {},
    categories: template.categories ?? [],
  };
}

/** What a preview or a check is asked of. */
export function unsaved(content: Content, contactId?: number): Unsaved {
  return {
    source: content.source,
    name: content.name,
    subject: content.subject,
    format: content.format,
    dialect: content.dialect,
    preheader: content.preheader,
    text: content.text,
    language: content.language,
    channel: content.channel,
    members: content.members,
    contact_id: contactId ?? null,
  };
}

/** Made of blocks in the designer; otherwise written by hand, and never passed through it. */
export function isOfBlocks(content: Content): boolean {
  return content.format === "mjml" && content.members.editor === "blocks";
}

export async function uploadImage(file: File): Promise<Image> {
  const body = new FormData();
  body.append("file", file);
  body.append("name", file.name);
  return (await askPlain("/syncom/v1/images", { method: "POST", body })).json();
}
