/** What is asked of each kind of sender, and how the form's values become the server's. */
import type { Sender, SenderConfig, SenderInput, SenderKind } from "~/api/schema";

/** A door to a kind: what the person knows it by, with what is the same for everybody who uses it. */
export type Preset = {
  key: string;
  kind: SenderKind;
  host?: string;
  port?: number;
  security?: "plain" | "starttls" | "tls";
};

export const presets: readonly Preset[] = [
  { key: "smtp", kind: "smtp" },
  // https://docs.aws.amazon.com/ses/latest/dg/smtp-connect.html
  { key: "ses", kind: "smtp", host: "email-smtp.eu-west-1.amazonaws.com", port: 587, security: "starttls" },
  { key: "twilio", kind: "twilio" },
  { key: "vonage", kind: "vonage" },
  { key: "gateway", kind: "gateway" },
  { key: "smpp", kind: "smpp" },
  { key: "webpush", kind: "webpush" },
  { key: "inbox", kind: "inbox" },
];

/** Kinds that carry texts; they have names of senders in place of a From address. */
export const TEXTS: ReadonlySet<SenderKind> = new Set(["gateway", "twilio", "vonage", "smpp"]);

export const CHANNELS: Readonly<Record<number, "email" | "sms" | "webpush" | "viber">> = {
  1: "email",
  2: "sms",
  3: "webpush",
  5: "viber",
};

/** The form: everything flat, numbers as their inputs hold them. Names of fields are paths into what the server takes, with
 *  `_` for `.`. */
export type Values = {
  name: string;
  from_email: string;
  from_name: string;
  reply_to: string;
  channel: string;
  password: string;
  callback_secret: string;
  is_default: boolean;
  host: string;
  port: number | string;
  security: string;
  username: string;
  rate: number | string;
  connections: number | string;
  on_uncertain: string;
  account: string;
  api_key: string;
  names: string[];
  service: string;
  system_id: string;
  tls: boolean;
  url: string;
  verb: string;
  body: string;
  fields: string;
  answer_id: string;
  answer_error: string;
  price: string;
  currency: string;
  brand: string;
  help_contact: string;
};

export function initial(preset: Preset): Values {
  return {
    name: "",
    from_email: "",
    from_name: "",
    reply_to: "",
    channel: "1",
    password: "",
    callback_secret: "",
    is_default: false,
    host: preset.host ?? "",
    port: preset.port ?? (preset.kind === "smpp" ? 2775 : 587),
    security: preset.security ?? "starttls",
    username: "",
    rate: "",
    connections: preset.kind === "webpush" ? 40 : 10,
    on_uncertain: "resend",
    account: "",
    api_key: "",
    names: [],
    service: "",
    system_id: "",
    tls: false,
    url: "",
    verb: "POST",
    body: "json",
    fields: '{\n  "to": "{to}",\n  "from": "{from}",\n  "text": "{text}"\n}',
    answer_id: "",
    answer_error: "",
    price: "",
    currency: "EUR",
    brand: "",
    help_contact: "",
  };
}

export function valuesOf(sender: Sender): Values {
  const { config } = sender;
  const { twilio, vonage, smpp, gateway } = config;
  return {
    ...initial({ key: sender.kind, kind: sender.kind }),
    name: sender.name,
    from_email: sender.from_email,
    from_name: sender.from_name,
    reply_to: sender.reply_to,
    channel: String(sender.channel),
    is_default: sender.is_default,
    host: smpp?.host ?? config.host ?? "",
    port: smpp?.port ?? config.port ?? 587,
    security: config.security ?? "starttls",
    username: config.username ?? "",
    rate: config.rate_per_second ?? "",
    connections: config.max_connections ?? 10,
    on_uncertain: config.on_uncertain ?? "resend",
    account: twilio?.account_sid ?? "",
    api_key: twilio?.api_key ?? vonage?.api_key ?? "",
    names: twilio?.names ?? vonage?.names ?? smpp?.names ?? gateway?.names ?? [],
    service: twilio?.messaging_service_sid ?? "",
    system_id: smpp?.system_id ?? "",
    tls: smpp?.tls ?? false,
    url: gateway?.sms.url ?? "",
    verb: gateway?.sms.verb ?? "POST",
    body: gateway?.sms.body ?? "json",
    fields: JSON.stringify(gateway?.sms.fields ?? {}, null, 2),
    answer_id: gateway?.answers?.id ?? "",
    answer_error: gateway?.answers?.error ?? "",
    price: config.part_price?.amount ?? "",
    currency: config.part_price?.currency ?? "EUR",
    brand: config.replies?.brand ?? "",
    help_contact: config.replies?.contact ?? "",
  };
}

/** What the server is sent. What the form does not show of a stored sender stays as it is.
 *  Throws SyntaxError for fields of a gateway that are no JSON. */
export function inputOf(values: Values, kind: SenderKind, stored?: Sender): SenderInput {
  const before: SenderConfig = stored?.config ?? {};
  const config: SenderConfig = {
    ...before,
    max_connections: Number(values.connections),
    rate_per_second: values.rate === "" ? null : Number(values.rate),
    on_uncertain: values.on_uncertain as "resend" | "leave",
  };
  if (kind === "smtp") {
    config.host = values.host;
    config.port = Number(values.port);
    config.security = values.security as "plain" | "starttls" | "tls";
    config.username = values.username;
  }
  if (kind === "twilio")
    config.twilio = {
      ...before.twilio,
      account_sid: values.account,
      names: values.names,
      messaging_service_sid: values.service,
      api_key: values.api_key,
    };
  if (kind === "vonage") config.vonage = { ...before.vonage, api_key: values.api_key, names: values.names };
  if (kind === "smpp")
    config.smpp = {
      ...before.smpp,
      host: values.host,
      port: Number(values.port),
      tls: values.tls,
      system_id: values.system_id,
      names: values.names,
    };
  if (kind === "gateway")
    config.gateway = {
      ...before.gateway,
      sms: {
        ...before.gateway?.sms,
        url: values.url,
        verb: values.verb as "POST" | "PUT" | "GET",
        body: values.body as "json" | "form" | "query" | "xml",
        fields: JSON.parse(values.fields || "{}"),
      },
      username: values.username,
      answers: { ...before.gateway?.answers, id: values.answer_id, error: values.answer_error },
      names: values.names,
    };
  if (TEXTS.has(kind)) {
    config.part_price = values.price === "" ? null : { amount: values.price, currency: values.currency };
    config.replies = { ...before.replies, brand: values.brand, contact: values.help_contact };
  }
  return {
    name: values.name,
    from_email: values.from_email,
    from_name: values.from_name,
    reply_to: values.reply_to,
    kind,
    channel: kind === "inbox" ? (Number(values.channel) as 1 | 2) : channelOf(kind),
    config,
    is_default: values.is_default,
    // Left out: the stored one stays.
    ...(values.password === "" ? {} : { password: values.password }),
    ...(values.callback_secret === "" ? {} : { callback_secret: values.callback_secret }),
  };
}

function channelOf(kind: SenderKind): 1 | 2 | 3 {
  if (TEXTS.has(kind)) return 2;
  return kind === "webpush" ? 3 : 1;
}

/** The form's field for one that the server names, such as `config.twilio.account_sid`. */
export function fieldOf(field: string): string {
  const path = field.replace(/^config\./, "");
  const known: Record<string, string> = {
    max_connections: "connections",
    rate_per_second: "rate",
    "twilio.account_sid": "account",
    "twilio.api_key": "api_key",
    "twilio.messaging_service_sid": "service",
    "vonage.api_key": "api_key",
    "smpp.host": "host",
    "smpp.port": "port",
    "smpp.system_id": "system_id",
    "smpp.tls": "tls",
    "gateway.sms.url": "url",
    "gateway.sms.verb": "verb",
    "gateway.sms.body": "body",
    "gateway.username": "username",
    "gateway.answers.id": "answer_id",
    "gateway.answers.error": "answer_error",
    "part_price.amount": "price",
    "part_price.currency": "currency",
    "replies.brand": "brand",
    "replies.contact": "help_contact",
  };
  if (/\.names(\.|$)/.test(path)) return "names";
  if (path.startsWith("gateway.sms.fields")) return "fields";
  return known[path] ?? path;
}

/** A day of a warm-up and what it allows. */
export type Day = { day: number; allowed: number };

/** What a plan allows each day until it reaches its target: `first · growth^n`, as `messages/warming/model.py` counts it. */
export function curve(first: number, growth: number, target: number): Day[] {
  const found: Day[] = [];
  if (!(first > 0 && growth > 1 && target > 0)) return found;
  for (let day = 1; day <= 365; day += 1) {
    const allowed = Math.floor(first * growth ** (day - 1));
    if (allowed >= target) {
      found.push({ day, allowed: target });
      break;
    }
    found.push({ day, allowed });
  }
  return found;
}
