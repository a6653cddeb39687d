/** Designs to begin from, our own, in the language of whoever begins. */
import type { TFunction } from "i18next";

export const STARTERS = ["welcome", "newsletter", "promotion", "cart", "receipt", "miss"] as const;
export type Starter = (typeof STARTERS)[number] | "blank";

export type Begun = { name: string; subject: string; preheader: string; source: string };

export function starter(kind: Starter, t: TFunction): Begun {
  // A merge field in a text stays what it is.
  const plain = (key: string) =>
    t(`templates.starters.${key}` as "templates.starters.hello", { first_name: "{{ first_name }}" });
  const say = (key: string) => safe(plain(key));
  return {
    name: plain(`${kind}.name`),
    subject: plain(`${kind}.subject`),
    preheader: plain(`${kind}.preheader`),
    source: mail(BODIES[kind](say), say),
  };
}

type Say = (key: string) => string;

const FONT = 'font-family="Helvetica, Arial, sans-serif"';

const BODIES: Record<Starter, (say: Say) => string> = {
  blank: (say) => section(text(`<p>${say("blank.text")}</p>`)),
  welcome: (say) =>
    [
      hero("#4f46e5", say("welcome.title"), say("welcome.lead")),
      section(text(`<p>${say("hello")}</p><p>${say("welcome.text")}</p>`) + button(say("welcome.act"))),
      section(
        `<mj-column>${heading(say("welcome.one"))}${small(say("welcome.oneText"))}</mj-column>` +
          `<mj-column>${heading(say("welcome.two"))}${small(say("welcome.twoText"))}</mj-column>` +
          `<mj-column>${heading(say("welcome.three"))}${small(say("welcome.threeText"))}</mj-column>`,
        false,
      ),
    ].join("\n"),
  newsletter: (say) =>
    [
      section(text(`<h1>${say("newsletter.title")}</h1><p>${say("newsletter.lead")}</p>`) + divider()),
      ...["first", "second", "third"].map((one) =>
        section(
          `<mj-column width="35%">${picture(say(`newsletter.${one}`), "#e0e7ff")}</mj-column>` +
            `<mj-column width="65%">${heading(say(`newsletter.${one}`))}${small(say(`newsletter.${one}Text`))}` +
            `${link(say("readMore"))}</mj-column>`,
          false,
        ),
      ),
    ].join("\n"),
  promotion: (say) =>
    [
      hero("#b4235a", say("promotion.title"), say("promotion.lead")),
      section(
        text(`<p>${say("promotion.text")}</p>`, "center") +
          `<mj-text ${FONT} align="center" font-size="26px" font-weight="700" color="#1f2430" letter-spacing="3px" container-background-color="#fdf2f8">SALE20</mj-text>` +
          button(say("promotion.act"), "#b4235a"),
      ),
      section(text(`<h2>${say("promotion.products")}</h2>`, "center")),
      products("bestsellers", say("buy")),
    ].join("\n"),
  cart: (say) =>
    [
      section(
        text(`<h1>${say("cart.title")}</h1><p>${say("hello")}</p><p>${say("cart.text")}</p>`) +
          button(say("cart.act")),
      ),
      products("viewed", say("buy"), "bestsellers"),
      section(text(`<p>${say("cart.help")}</p>`)),
    ].join("\n"),
  receipt: (say) =>
    [
      section(text(`<h1>${say("receipt.title")}</h1><p>${say("hello")}</p><p>${say("receipt.text")}</p>`)),
      row(say("receipt.number"), '{{ data.externalOrderId|default("1024") }}'),
      row(say("receipt.total"), '<b>{{ data.totalCost|default("100.00") }}</b>'),
      section(button(say("receipt.act"))),
      section(text(`<p>${say("receipt.help")}</p>`)),
    ].join("\n"),
  miss: (say) =>
    [
      hero("#0b6b4f", say("miss.title"), say("miss.lead")),
      section(text(`<p>${say("hello")}</p><p>${say("miss.text")}</p>`) + button(say("miss.act"), "#0b6b4f")),
      products("recommended", say("buy"), "new"),
    ].join("\n"),
};

function mail(body: string, say: Say): string {
  return `<mjml>
<mj-head>
<mj-style>h1 { font-size: 26px; margin: 0 0 12px } h2 { font-size: 20px; margin: 0 } p { margin: 0 0 12px }</mj-style>
</mj-head>
<mj-body background-color="#f3f4f7" width="600px">
<mj-section><mj-column><mj-text ${FONT} align="center" font-size="20px" font-weight="700">${say("company")}</mj-text></mj-column></mj-section>
${body}
<mj-section background-color="#f3f4f7"><mj-column><mj-text ${FONT} align="center" font-size="12px" color="#586174">${say("why")}<br /><a href="{{ unsubscribe_url }}" style="color:#586174">${say("unsubscribe")}</a> · <a href="{{ view_url }}" style="color:#586174">${say("view")}</a></mj-text></mj-column></mj-section>
</mj-body>
</mjml>
`;
}

function section(inside: string, wrap = true): string {
  return `<mj-section background-color="#ffffff">${wrap ? `<mj-column>${inside}</mj-column>` : inside}</mj-section>`;
}

function hero(color: string, title: string, lead: string): string {
  return (
    `<mj-section background-color="${color}" padding-top="44px" padding-bottom="44px"><mj-column>` +
    `<mj-text ${FONT} align="center" color="#ffffff" font-size="30px" font-weight="700" line-height="1.25">${title}</mj-text>` +
    `<mj-text ${FONT} align="center" color="#ffffff" font-size="16px" line-height="1.5">${lead}</mj-text></mj-column></mj-section>`
  );
}

function row(what: string, value: string): string {
  return section(
    `<mj-column width="50%">${small(what)}</mj-column>` +
      `<mj-column width="50%"><mj-text ${FONT} font-size="14px" color="#1f2430" align="right">${value}</mj-text></mj-column>`,
    false,
  );
}

const text = (html: string, align = "left") =>
  `<mj-text ${FONT} font-size="16px" line-height="1.5" color="#1f2430" align="${align}">${html}</mj-text>`;
const heading = (words: string) =>
  `<mj-text ${FONT} font-size="17px" font-weight="700" color="#1f2430" padding-bottom="0">${words}</mj-text>`;
const small = (words: string) =>
  `<mj-text ${FONT} font-size="14px" line-height="1.5" color="#586174">${words}</mj-text>`;
const link = (words: string) =>
  `<mj-text ${FONT} font-size="14px"><a href="https://example.com" style="color:#4338ca">${words}</a></mj-text>`;
const divider = () => `<mj-divider border-width="1px" border-color="#e4e7ec" />`;
const button = (words: string, color = "#4f46e5") =>
  `<mj-button ${FONT} font-size="16px" border-radius="8px" background-color="${color}" color="#ffffff" href="https://example.com">${words}</mj-button>`;
/** A place for a picture: nothing is loaded from anywhere. */
const picture = (words: string, color: string) =>
  `<mj-text ${FONT} align="center" font-size="28px" font-weight="700" color="#3730a3" container-background-color="${color}" padding-top="34px" padding-bottom="34px">${words.slice(0, 1)}</mj-text>`;

export function products(source: string, buy: string, fallback?: string): string {
  const from = fallback ? `"${source}", limit=3, fallback="${fallback}"` : `"${source}", limit=3`;
  return (
    `<mj-raw>{% for product in products(${from}) %}</mj-raw>\n` +
    `<mj-section background-color="#ffffff"><mj-column width="35%"><mj-image src="{{ product.image_url }}" href="{{ product.url }}" alt="{{ product.name }}" /></mj-column>` +
    `<mj-column width="65%"><mj-text ${FONT} font-size="17px" font-weight="700" color="#1f2430" padding-bottom="0">{{ product.name }}</mj-text>` +
    `<mj-text ${FONT} font-size="14px" color="#586174">{{ product.price_text }} {{ product.currency }}</mj-text>` +
    `<mj-button ${FONT} align="left" border-radius="8px" background-color="#4f46e5" color="#ffffff" href="{{ product.url }}">${buy}</mj-button></mj-column></mj-section>\n` +
    `<mj-raw>{% endfor %}</mj-raw>`
  );
}

function safe(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
