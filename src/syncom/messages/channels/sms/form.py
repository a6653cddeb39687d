"""An HTTP gateway described by a form: how a message is put into a request, and where its answer says what.

Placeholders in braces stand for the message: ``{to}`` (E.164), ``{to_digits}`` (without the plus), ``{from}``,
``{text}``, ``{id}`` (our message id: a gateway that knows it again can refuse a second copy), ``{parts}``, ``{type}``
(``unicode`` when the text needs it, else empty), ``{callback}`` (where receipts are to be posted),
``{callback_of_message}`` (the same, with a parameter that names the message), ``{secret}``; for
Viber also ``{image}``, ``{caption}``, ``{action}``, ``{ttl}``, ``{ios_text}``. A member whose placeholders are all
empty is left out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape as escape_xml

import msgspec

from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.codes import Action, Code, Origin, Provider, meaning
from syncom.messages.channels.sms.model import GatewayAnswer, TextParcel
from syncom.outbound import check_url

#: Names that a gateway's form may use.
_MESSAGE: Final = frozenset(
    {"to", "to_digits", "from", "text", "id", "parts", "type", "callback", "callback_of_message", "secret"}
)
#: Parameter of the address for receipts that names the message.
MESSAGE: Final = "message"
_RICH: Final = frozenset({"image", "caption", "action", "ttl", "ios_text"})
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_MAX_FIELDS: Final = 50
_MAX_DEPTH: Final = 5
_MAX_TEMPLATE: Final = 20_000
#: What a receipt may say, see ``receipts/model.py``.
RECEIPT_STATES: Final = ("accepted", "delivered", "undelivered", "expired", "rejected", "deleted", "unknown")
#: Sender names: eleven characters of an alphanumeric originator (3GPP TS 23.040, 9.1.2.5), or a number or short code.
_SENDER_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 _.&+\-]{1,11}|\+?[0-9]{3,15}")
MAX_NAMES: Final = 100
#: The gateway is at fault, not the message: everything that is sent now would fail for the same reason.
_OF_SENDER: Final = frozenset({401, 402, 403, 407})
_TEMPORARY: Final = frozenset({408, 425, 429})
#: A proxy in between gave up waiting: the gateway behind it may have taken the message.
_IN_DOUBT: Final = 504
_TRY_AGAIN: Final = frozenset({Action.RETRY, Action.SLOW_DOWN})
#: Seconds that everything waits after a code which asks for less speed and does not say how long.
_SLOWLY: Final = 5.0
#: A text has no more parts than that (TS 23.040: the part's number is one octet).
_MOST_PARTS: Final = 255


class Verb(Enum):
    POST = "POST"
    PUT = "PUT"
    GET = "GET"


class Body(Enum):
    """How the fields travel."""

    JSON = "json"
    FORM = "form"
    #: In the address, without a body.
    QUERY = "query"
    #: A template of XML; values are escaped.
    XML = "xml"


class GatewayCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request, which hands over one message."""

    url: str
    verb: Verb = Verb.POST
    body: Body = Body.JSON
    #: Members of the body, with placeholders. JSON may be nested; a text that is one placeholder of a number stays one.
    fields: dict[str, Any] = msgspec.field(
        default_factory=lambda: {"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}"}
    )
    #: The whole body instead of ``fields``; placeholders are escaped for JSON or XML.
    template: str = ""


class GatewayAnswers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an answer in JSON says what: paths such as ``messages.0.id``, with ``*`` for every member of a list.

    Empty: not said.
    """

    id: str = ""
    error: str = ""
    #: Where a 2xx answer says whether it took the message after all.
    status: str = ""
    #: Values of ``status`` that mean yes; every other one is a no ...
    accepted: tuple[str, ...] = ()
    #: ... for good, unless it is one of these.
    temporary: tuple[str, ...] = ()
    #: Where a no has its code, and whose codes these are (``codes.toml``).
    code: str = ""
    codes: Provider | None = None


#: Words of SMPP 3.4 (appendix B) and of most gateways.
_STATUSES: Final = {
    "DELIVRD": "delivered",
    "delivered": "delivered",
    "UNDELIV": "undelivered",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "EXPIRED": "expired",
    "expired": "expired",
    "REJECTD": "rejected",
    "rejected": "rejected",
    "DELETED": "deleted",
    "ACCEPTD": "accepted",
    "accepted": "accepted",
    "sent": "accepted",
}


class ReceiptForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a receipt that the gateway posts says what: names of fields, or paths into JSON."""

    id: str
    status: str
    error: str = ""
    #: Where our own id stands, when the gateway gives it back: it leads to a message whose answer was lost.
    message: str = ""
    #: Where the receipts stand when there are several in one request.
    each: str = ""
    #: What values of ``status`` mean: accepted, delivered, undelivered, expired, rejected, deleted. Others: unknown.
    statuses: dict[str, str] = msgspec.field(default_factory=lambda: dict(_STATUSES))
    #: Values of ``status`` or ``error`` that say there is no such number.
    invalid_number: tuple[str, ...] = ()


class InboundForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a text that the gateway posts says what: names of fields, or paths into JSON."""

    from_: str = msgspec.field(name="from")
    text: str
    to: str = ""
    #: The gateway's own id: the same text again is told by it.
    id: str = ""
    each: str = ""


class CallbackForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway posts, and how it shows that it is the gateway: by the sender's callback secret."""

    receipts: ReceiptForm | None = None
    texts: InboundForm | None = None
    #: Header that has the secret itself ...
    secret_header: str = "X-Callback-Secret"  # noqa: S105 - the name of a header
    #: ... or one that has the HMAC-SHA256 of the body under it, in hexadecimal or base64.
    signature_header: str = ""


class GatewayForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway: what it is asked, and how it answers."""

    sms: GatewayCall
    #: None: it carries no Viber.
    viber: GatewayCall | None = None
    headers: dict[str, str] = {}
    #: For HTTP Basic, with the sender's secret as the password. Empty: no Basic.
    username: str = ""
    answers: GatewayAnswers = GatewayAnswers()
    #: Sender names that may be used; the first one is used when none is named.
    names: tuple[str, ...] = ()
    #: None: it posts nothing.
    callbacks: CallbackForm | None = None

    def call_of(self, channel: Channel) -> GatewayCall | None:
        return self.viber if channel is Channel.VIBER else self.sms


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A filled-in form."""

    verb: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def check_form(form: GatewayForm, at: str = "config.gateway") -> None:
    """Refuse what cannot work. Raises Invalid naming the field; ``at``: where the names stand."""
    if not 0 < len(form.names) <= MAX_NAMES:
        raise Invalid(f"{at}.names", f"must have 1 to {MAX_NAMES} sender names")
    for name in form.names:
        check_name(f"{at}.names", name)
    for name, value in form.headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise Invalid("config.gateway.headers", f"{name!r} is no header with a value of printable ASCII")
        _check_names("config.gateway.headers", value, frozenset({"secret", "id"}))
    if ":" in form.username or not form.username.isprintable():
        raise Invalid("config.gateway.username", "must be printable, without a colon")
    _check_call("config.gateway.sms", form.sms, _MESSAGE)
    if form.viber is not None:
        _check_call("config.gateway.viber", form.viber, _MESSAGE | _RICH)
    if form.callbacks is not None:
        _check_callbacks("config.gateway.callbacks", form.callbacks)


def _check_callbacks(at: str, form: CallbackForm) -> None:
    for name in ("secret_header", "signature_header"):
        value: str = getattr(form, name)
        if value and not _HEADER.fullmatch(value):
            raise Invalid(f"{at}.{name}", "must be the name of a header")
    if not form.secret_header and not form.signature_header:
        raise Invalid(f"{at}.secret_header", "is needed, or signature_header")
    receipts = form.receipts
    if receipts is not None:
        _check_path(f"{at}.receipts.id", receipts.id)
        _check_path(f"{at}.receipts.status", receipts.status)
        if len(receipts.statuses) > _MAX_FIELDS:
            raise Invalid(f"{at}.receipts.statuses", f"must be at most {_MAX_FIELDS}")
        for status, means in receipts.statuses.items():
            if means not in RECEIPT_STATES:
                raise Invalid(f"{at}.receipts.statuses.{status[:40]}", f"must be {', '.join(RECEIPT_STATES)}")
    if form.texts is not None:
        _check_path(f"{at}.texts.from", form.texts.from_)
        _check_path(f"{at}.texts.text", form.texts.text)


def _check_path(field: str, path: str) -> None:
    if not 0 < len(path) <= 200 or not path.isprintable():
        raise Invalid(field, "must be the name of a field, or a path such as message.id")


def check_name(field: str, name: str) -> str:
    """A sender name of a text. Raises Invalid."""
    name = name.strip()
    if not _SENDER_NAME.fullmatch(name):
        raise Invalid(field, f"{name[:40]!r} is no sender name: 11 letters and digits at most, or a number")
    return name


def _check_call(field: str, call: GatewayCall, names: frozenset[str]) -> None:
    # The host is fixed: a message must not be able to choose whom it goes to.
    origin = urlsplit(call.url).netloc
    if _PLACEHOLDER.search(origin) or "@" in origin:
        raise Invalid(f"{field}.url", "must name its host without placeholders and without a login")
    check_url(f"{field}.url", _PLACEHOLDER.sub("x", call.url))
    _check_names(f"{field}.url", call.url, names)
    if call.verb is Verb.GET and call.body is not Body.QUERY:
        raise Invalid(f"{field}.body", "must be query for GET, which has no body")
    if call.body is Body.XML and not call.template:
        raise Invalid(f"{field}.template", "is needed for XML")
    if call.template:
        if call.body not in (Body.JSON, Body.XML):
            raise Invalid(f"{field}.template", "is for JSON and XML; give fields instead")
        if len(call.template) > _MAX_TEMPLATE:
            raise Invalid(f"{field}.template", f"must have at most {_MAX_TEMPLATE} characters")
        _check_names(f"{field}.template", call.template, names, strict=False)
    texts = list(_texts(f"{field}.fields", call.fields, 0))
    if len(texts) > _MAX_FIELDS:
        raise Invalid(f"{field}.fields", f"must have at most {_MAX_FIELDS} members")
    for text in texts:
        _check_names(f"{field}.fields", text, names)
    given = call.template or "".join(texts) + call.url
    if not any(f"{{{name}}}" in given + call.url for name in ("to", "to_digits")) or "{text}" not in given + call.url:
        raise Invalid(f"{field}.fields", "must hold {to} (or {to_digits}) and {text}")


def _check_names(field: str, text: str, names: frozenset[str], *, strict: bool = True) -> None:
    """``strict=False``: braces around other words are the template's own, as in JSON."""
    for match in _PLACEHOLDER.finditer(text):
        if strict and match[1] not in names:
            raise Invalid(field, f"has {match[0]}; there are {', '.join(sorted(names))}")


def _texts(field: str, value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise Invalid(field, f"is nested deeper than {_MAX_DEPTH}")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from _texts(field, inner, depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _texts(field, inner, depth + 1)


# ------------------------------------------------------------------ asking


def fill(form: GatewayForm, parcel: TextParcel, secret: str, callback: str = "") -> Request | None:
    """The request that hands this message over; None when the gateway does not carry its channel.

    ``callback``: where receipts are to be posted; empty: nowhere.
    """
    call = form.call_of(parcel.channel)
    if call is None:
        return None
    values = _values(parcel, secret, callback)
    headers = {name: _filled(value, values) for name, value in form.headers.items()}
    if form.username:
        headers["Authorization"] = f"Basic {b64encode(f'{form.username}:{secret}'.encode()).decode()}"
    url = _PLACEHOLDER.sub(lambda match: quote(_text_of(values.get(match[1])), safe=""), call.url)
    body: bytes | None = None
    if call.body is Body.QUERY:
        url += ("&" if "?" in url else "?") + urlencode(_flat(call.fields, values)) if call.fields else ""
    else:
        kind, body = _body(call, values)
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = kind
    return Request(verb=call.verb.value, url=url, headers=headers, body=body)


def _values(parcel: TextParcel, secret: str, callback: str) -> dict[str, str | int]:
    values: dict[str, str | int] = {
        "to": parcel.to,
        "to_digits": parcel.to.lstrip("+"),
        "from": parcel.sender,
        "text": parcel.text,
        "id": str(parcel.message_id),
        "parts": parcel.parts,
        "type": "unicode" if parcel.is_unicode else "",
        "callback": callback,
        "callback_of_message": f"{callback}?{MESSAGE}={parcel.message_id}" if callback else "",
        "secret": secret,
    }
    if parcel.rich is not None:
        rich = parcel.rich
        values |= {
            "image": rich.image,
            "caption": rich.caption,
            "action": rich.action,
            "ttl": rich.ttl_seconds or "",
            "ios_text": rich.ios_text,
        }
    return values


def _body(call: GatewayCall, values: Mapping[str, str | int]) -> tuple[str, bytes]:
    if call.body is Body.FORM:
        return "application/x-www-form-urlencoded", urlencode(_flat(call.fields, values)).encode()
    if call.body is Body.XML:
        return "text/xml; charset=utf-8", _template(call.template, values, escape_xml).encode()
    if call.template:
        return "application/json", _template(call.template, values, _escape_json).encode()
    return "application/json", msgspec.json.encode(_object(call.fields, values))


def _template(template: str, values: Mapping[str, str | int], escape: Any) -> str:
    return _PLACEHOLDER.sub(
        lambda match: escape(_text_of(values[match[1]])) if match[1] in values else match[0], template
    )


def _escape_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _flat(fields: Mapping[str, Any], values: Mapping[str, str | int]) -> dict[str, str]:
    filled = _object(fields, values)
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in filled.items()
    }


def _object(fields: Mapping[str, Any], values: Mapping[str, str | int]) -> dict[str, Any]:
    filled = {name: _member(value, values) for name, value in fields.items()}
    return {name: value for name, value in filled.items() if value is not None}


def _member(value: Any, values: Mapping[str, str | int]) -> Any:
    """A member with its placeholders filled; None when they are all empty."""
    if isinstance(value, dict):
        return _object(cast("dict[str, Any]", value), values) or None
    if isinstance(value, list):
        members = [_member(inner, values) for inner in cast("list[Any]", value)]
        return [member for member in members if member is not None] or None
    if not isinstance(value, str):
        return value
    names = _PLACEHOLDER.findall(value)
    if names and not any(_text_of(values.get(name)) for name in names):
        return None
    if len(names) == 1 and value == f"{{{names[0]}}}":
        return values[names[0]]
    return _filled(value, values)


def _filled(text: str, values: Mapping[str, str | int]) -> str:
    return _PLACEHOLDER.sub(lambda match: _text_of(values.get(match[1])), text)


def _text_of(value: str | int | None) -> str:
    return "" if value is None else str(value)


# ------------------------------------------------------------------ the answer


def read_answer(
    answers: GatewayAnswers, status: int, body: bytes, retry_after: float | None
) -> tuple[Outcome, GatewayAnswer]:
    """What the gateway's answer means for the message."""
    try:
        value = msgspec.json.decode(body) if body.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    outcome = _outcome(answers, status, value)
    ids = tuple(found[:100] for one in all_at(value, answers.id) if (found := line_of(one)))
    code = _code(answers, value) if outcome is not Outcome.ACCEPTED else None
    if code is not None and outcome is not Outcome.UNCERTAIN:
        outcome = Outcome.TRANSIENT if code.action in _TRY_AGAIN else Outcome.PERMANENT
        if code.action is Action.SLOW_DOWN and retry_after is None:
            retry_after = _SLOWLY
    words = _words(answers, value, body, said_no=outcome is not Outcome.ACCEPTED)
    return outcome, GatewayAnswer(
        status=status,
        text=words or (code.reason if code else ""),
        message_ids=ids,
        retry_after=retry_after,
        action=code.action if code else None,
        of_sender=code is not None and code.action is Action.PAUSE_SENDER,
    )


def _code(answers: GatewayAnswers, value: Any) -> Code | None:
    """What the code of a no means; of several the first one that is known."""
    if answers.codes is None:
        return None
    said = (line_of(one) for one in all_at(value, answers.code))
    return next(filter(None, (meaning(answers.codes, Origin.ANSWER, one) for one in said)), None)


def is_of_sender(status: int) -> bool:
    """Whether this status is about our account at the gateway and not about one message."""
    return status in _OF_SENDER


def _outcome(answers: GatewayAnswers, status: int, value: Any) -> Outcome:
    if status == _IN_DOUBT:
        return Outcome.UNCERTAIN
    if status >= 500 or status in _TEMPORARY:
        return Outcome.TRANSIENT
    if not 200 <= status < 300:
        # Redirects too: credentials go to the host they were given for.
        return Outcome.PERMANENT
    if not answers.status:
        return Outcome.ACCEPTED
    said = {line_of(one) for one in all_at(value, answers.status)} or {""}
    refused = said.difference(answers.accepted)
    if not refused:
        return Outcome.ACCEPTED
    if len(refused) < len(said):
        # Some parts are on their way: whether somebody reads the text cannot be known.
        return Outcome.UNCERTAIN
    return Outcome.TRANSIENT if refused.issubset(answers.temporary) else Outcome.PERMANENT


def _words(answers: GatewayAnswers, value: Any, body: bytes, *, said_no: bool) -> str:
    if not said_no:
        return ""
    words = first_line(all_at(value, answers.error))
    return words or line_of(body[:2000].decode("utf-8", "replace"))


def all_at(value: Any, path: str) -> list[Any]:
    """What stands at a path: one value, several where it has a ``*``, or none."""
    found = [value] if path else []
    for step in path.split("."):
        found = [inner for one in found for inner in _step(one, step)]
    return found


def _step(value: Any, step: str) -> list[Any]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return [members[step]] if step in members else []
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if step == "*":
            return items[:_MOST_PARTS]
        if step.isascii() and step.isdigit() and int(step) < len(items):
            return [items[int(step)]]
    return []


def first_line(values: Sequence[Any]) -> str:
    """The first of these that says something, as one line; empty: none does."""
    lines = [line_of(value) for value in values]
    return next((line for line in lines if line), "")


def line_of(value: Any) -> str:
    """As one printable line, of 400 characters at most."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:400]
