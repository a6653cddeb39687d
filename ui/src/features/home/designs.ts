/** Designs of a first email: MJML around one's own words. */

export const DESIGNS = ["letter", "news", "offer"] as const;
export type Design = (typeof DESIGNS)[number];

export type Words = {
  subject: string;
  heading: string;
  text: string;
  /** Empty: no button. */
  button: string;
  link: string;
};

export function design(kind: Design, words: Words, footer: { why: string; unsubscribe: string }): string {
  const { accent, ground, align } = LOOKS[kind];
  const paragraphs = words.text
    .split(/\n{2,}/)
    .map((one) => `<p>${safe(one).replaceAll("\n", "<br />")}</p>`)
    .join("");
  const button =
    words.button !== "" && words.link !== ""
      ? `<mj-button align="${align}" href="${attribute(words.link)}" background-color="${accent}" border-radius="8px" font-size="16px">${safe(words.button)}</mj-button>`
      : "";
  const bar =
    kind === "letter"
      ? ""
      : `<mj-section background-color="${accent}" padding="28px 0"><mj-column><mj-text align="center" color="#ffffff" font-size="26px" font-weight="700">${safe(words.heading)}</mj-text></mj-column></mj-section>`;
  const heading =
    kind === "letter" ? `<mj-text font-size="24px" font-weight="700">${safe(words.heading)}</mj-text>` : "";
  return `<mjml>
<mj-head>
<mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /><mj-text font-size="16px" line-height="1.6" color="#1f2430" /></mj-attributes>
<mj-style>p { margin: 0 0 12px }</mj-style>
</mj-head>
<mj-body background-color="${ground}">
${bar}
<mj-section background-color="#ffffff" padding="24px 8px"><mj-column>
${heading}
<mj-text align="${align}">${paragraphs}</mj-text>
${button}
</mj-column></mj-section>
<mj-section><mj-column><mj-text align="center" font-size="12px" color="#4b5563">${safe(footer.why)} <a href="{{ unsubscribe_url }}" style="color:#4b5563">${safe(footer.unsubscribe)}</a></mj-text></mj-column></mj-section>
</mj-body>
</mjml>`;
}

const LOOKS: Record<Design, { accent: string; ground: string; align: "left" | "center" }> = {
  letter: { accent: "#4f46e5", ground: "#f4f5f7", align: "left" },
  news: { accent: "#0b6b4f", ground: "#eef5f1", align: "left" },
  offer: { accent: "#b4235a", ground: "#fdf2f8", align: "center" },
};

/** Words as words: neither HTML nor tags of templates, but for merge fields such as {{ first_name }}. */
function safe(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function attribute(text: string): string {
  return safe(text).replaceAll('"', "&quot;");
}
