/** Blocks that mails are made of. Sections can be dropped between sections; contents into columns. */
import type { Editor } from "grapesjs";

type Words = (key: string) => string;

const SVG = (inside: string) =>
  `<svg viewBox="0 0 24 24" width="26" height="26" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${inside}</svg>`;

const ICONS = {
  one: '<rect x="4" y="5" width="16" height="14" rx="1"/>',
  two: '<rect x="4" y="5" width="7" height="14" rx="1"/><rect x="13" y="5" width="7" height="14" rx="1"/>',
  three:
    '<rect x="3" y="5" width="5" height="14" rx="1"/><rect x="9.5" y="5" width="5" height="14" rx="1"/><rect x="16" y="5" width="5" height="14" rx="1"/>',
  side: '<rect x="4" y="5" width="5" height="14" rx="1"/><rect x="11" y="5" width="9" height="14" rx="1"/>',
  hero: '<rect x="3" y="5" width="18" height="14" rx="1"/><path d="M7 10h10M9 14h6"/>',
  text: '<path d="M4 6h16M4 10h16M4 14h10M4 18h7"/>',
  heading: '<path d="M6 5v14M18 5v14M6 12h12"/>',
  image: '<rect x="4" y="5" width="16" height="14" rx="2"/><path d="M4 16l5-5 4 4 2-2 5 5"/>',
  button: '<rect x="3" y="8" width="18" height="8" rx="3"/><path d="M8 12h8"/>',
  divider: '<path d="M4 12h16"/>',
  spacer: '<path d="M12 4v16M8 8l4-4 4 4M8 16l4 4 4-4"/>',
  products: '<path d="M6 8h12l-1 12H7z"/><path d="M9 8a3 3 0 0 1 6 0"/>',
  clock: '<circle cx="12" cy="12" r="8"/><path d="M12 8v4l3 2"/>',
  social:
    '<circle cx="6" cy="12" r="2"/><circle cx="17" cy="6" r="2"/><circle cx="17" cy="18" r="2"/><path d="M8 11l7-4M8 13l7 4"/>',
  leave: '<path d="M4 6h16v12H4zM4 7l8 6 8-6"/><path d="M15 21l5-5"/>',
  view: '<rect x="3" y="5" width="18" height="14" rx="1"/><path d="M3 9h18"/>',
  logic: '<path d="M8 5c-3 0-1 6-4 7 3 1 1 7 4 7M16 5c3 0 1 6 4 7-3 1-1 7-4 7"/>',
} as const;

const FONT = 'font-family="Helvetica, Arial, sans-serif"';
const TEXT = `${FONT} font-size="16px" line-height="1.5" color="#1f2430"`;

export function addBlocks(editor: Editor, words: Words): void {
  const add = (id: string, icon: keyof typeof ICONS, category: string, content: string) =>
    editor.Blocks.add(id, {
      label: words(`block.${id}`),
      media: SVG(ICONS[icon]),
      category: words(`category.${category}`),
      content,
      select: true,
    });
  const column = (width = "") => `<mj-column${width && ` width="${width}"`}></mj-column>`;
  const section = (inside: string) => `<mj-section background-color="#ffffff">${inside}</mj-section>`;

  add("text", "text", "content", `<mj-text ${TEXT}>${words("sample.text")}</mj-text>`);
  add(
    "heading",
    "heading",
    "content",
    `<mj-text ${FONT} font-size="24px" font-weight="700" line-height="1.3" color="#1f2430">${words("sample.heading")}</mj-text>`,
  );
  add("image", "image", "content", `<mj-image src="" alt=""></mj-image>`);
  add(
    "button",
    "button",
    "content",
    `<mj-button ${FONT} font-size="16px" background-color="#4f46e5" color="#ffffff" border-radius="8px" href="https://">${words("sample.button")}</mj-button>`,
  );
  add(
    "divider",
    "divider",
    "content",
    `<mj-divider border-width="1px" border-style="solid" border-color="#e4e7ec"></mj-divider>`,
  );
  add("spacer", "spacer", "content", `<mj-spacer height="24px"></mj-spacer>`);
  add(
    "social",
    "social",
    "content",
    `<mj-text ${FONT} font-size="14px" align="center" color="#1f2430"><a href="https://instagram.com/">Instagram</a> · <a href="https://facebook.com/">Facebook</a> · <a href="https://t.me/">Telegram</a> · <a href="https://youtube.com/">YouTube</a></mj-text>`,
  );

  add("one", "one", "columns", section(column()));
  add("two", "two", "columns", section(column() + column()));
  add("three", "three", "columns", section(column() + column() + column()));
  add("side", "side", "columns", section(column("35%") + column("65%")));
  add(
    "hero",
    "hero",
    "columns",
    `<mj-section background-color="#4f46e5" padding-top="44px" padding-bottom="44px"><mj-column>` +
      `<mj-text ${FONT} align="center" color="#ffffff" font-size="30px" font-weight="700">${words("sample.heading")}</mj-text>` +
      `<mj-text ${FONT} align="center" color="#ffffff" font-size="16px">${words("sample.text")}</mj-text></mj-column></mj-section>`,
  );

  for (const source of ["bestsellers", "viewed", "recommended", "new"])
    add(source, "products", "products", products(source, words("sample.buy")));

  add(
    "leave",
    "leave",
    "footer",
    `<mj-text ${FONT} align="center" font-size="12px" color="#586174">${words("sample.why")}<br><a href="{{ unsubscribe_url }}" style="color:#586174">${words("sample.unsubscribe")}</a></mj-text>`,
  );
  add(
    "view",
    "view",
    "footer",
    `<mj-text ${FONT} align="center" font-size="12px" color="#586174"><a href="{{ view_url }}" style="color:#586174">${words("sample.view")}</a></mj-text>`,
  );
  add(
    "condition",
    "logic",
    "logic",
    `<mj-raw>{% if first_name %}</mj-raw>${section(`<mj-column><mj-text ${TEXT}>${words("sample.condition")}</mj-text></mj-column>`)}<mj-raw>{% endif %}</mj-raw>`,
  );
}

function products(source: string, buy: string): string {
  const fallback = source === "viewed" || source === "recommended" ? ', fallback="bestsellers"' : "";
  return (
    `<mj-raw>{% for product in products("${source}", limit=3${fallback}) %}</mj-raw>` +
    `<mj-section background-color="#ffffff"><mj-column width="35%"><mj-image src="{{ product.image_url }}" href="{{ product.url }}" alt="{{ product.name }}"></mj-image></mj-column>` +
    `<mj-column width="65%"><mj-text ${FONT} font-size="17px" font-weight="700" color="#1f2430">{{ product.name }}</mj-text>` +
    `<mj-text ${FONT} font-size="14px" color="#586174">{{ product.price_text }} {{ product.currency }}</mj-text>` +
    `<mj-button ${FONT} align="left" background-color="#4f46e5" color="#ffffff" border-radius="8px" href="{{ product.url }}">${buy}</mj-button></mj-column></mj-section>` +
    "<mj-raw>{% endfor %}</mj-raw>"
  );
}
