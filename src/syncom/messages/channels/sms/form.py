"""An HTTP gateway described by a form: how a message is put into a request, and where its answer says what.

Placeholders in braces stand for the message: ``{to}`` (E.164), ``{to_digits}`` (without the plus), ``{from}``,
``{text}``, ``{id}`` (our message id: a gateway that knows it again can refuse a second copy), ``{parts}``,
``{secret}``; for Viber also ``{image}``, ``{caption}``, ``{action}``, ``{ttl}``, ``{ios_text}``. A member whose
placeholders are all empty is left out.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape as escape_xml

import msgspec

from syncom.contacts.model import Channel
from syncom.errors import Invalid
from syncom.messages.channels.carrier import Outcome
from syncom.messages.channels.sms.model import GatewayAnswer, TextParcel
from syncom.outbound import check_url

#: Names that a gateway's form may use.
_MESSAGE: Final = frozenset({"to", "to_digits", "from", "text", "id", "parts", "secret"})
_RICH: Final = frozenset({"image", "caption", "action", "ttl", "ios_text"})
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_MAX_FIELDS: Final = 50
_MAX_DEPTH: Final = 5
_MAX_TEMPLATE: Final = 20_000
#: Sender names: eleven characters of an alphanumeric originator (3GPP TS 23.040, 9.1.2.5), or a number or short code.
_SENDER_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 _.&+\-]{1,11}|\+?[0-9]{3,15}")
MAX_NAMES: Final = 100
#: The gateway is at fault, not the message: everything that is sent now would fail for the same reason.
_OF_SENDER: Final = frozenset({401, 402, 403, 407})
_TEMPORARY: Final = frozenset({408, 425, 429})
#: A proxy in between gave up waiting: the gateway behind it may have taken the message.
_IN_DOUBT: Final = 504


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
    """Where an answer in JSON says what: paths such as ``messages.0.id``. Empty: not said."""

    id: str = ""
    error: str = ""
    #: Where a 2xx answer says whether it took the message after all.
    status: str = ""
    #: Values of ``status`` that mean yes; every other one is a no ...
    accepted: tuple[str, ...] = ()
    #: ... for good, unless it is one of these.
    temporary: tuple[str, ...] = ()


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

    def call_of(self, channel: Channel) -> GatewayCall | None:
        return self.viber if channel is Channel.VIBER else self.sms


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A filled-in form."""

    verb: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def check_form(form: GatewayForm) -> None:
    """Refuse what cannot work. Raises Invalid naming the field."""
    if not 0 < len(form.names) <= MAX_NAMES:
        raise Invalid("config.gateway.names", f"must have 1 to {MAX_NAMES} sender names")
    for name in form.names:
        check_name("config.gateway.names", name)
    for name, value in form.headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            raise Invalid("config.gateway.headers", f"{name!r} is no header with a value of printable ASCII")
        _check_names("config.gateway.headers", value, frozenset({"secret", "id"}))
    if ":" in form.username or not form.username.isprintable():
        raise Invalid("config.gateway.username", "must be printable, without a colon")
    _check_call("config.gateway.sms", form.sms, _MESSAGE)
    if form.viber is not None:
        _check_call("config.gateway.viber", form.viber, _MESSAGE | _RICH)


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


def fill(form: GatewayForm, parcel: TextParcel, secret: str) -> Request | None:
    """The request that hands this message over; None when the gateway does not carry its channel."""
    call = form.call_of(parcel.channel)
    if call is None:
        return None
    values = _values(parcel, secret)
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


def _values(parcel: TextParcel, secret: str) -> dict[str, str | int]:
    values: dict[str, str | int] = {
        "to": parcel.to,
        "to_digits": parcel.to.lstrip("+"),
        "from": parcel.sender,
        "text": parcel.text,
        "id": str(parcel.message_id),
        "parts": parcel.parts,
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
    words = _words(answers, value, body, said_no=outcome is not Outcome.ACCEPTED)
    ident = _line(_at(value, answers.id)) if answers.id else ""
    return outcome, GatewayAnswer(status=status, text=words, message_id=ident[:100], retry_after=retry_after)


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
    said = _line(_at(value, answers.status))
    if said in answers.accepted:
        return Outcome.ACCEPTED
    return Outcome.TRANSIENT if said in answers.temporary else Outcome.PERMANENT


def _words(answers: GatewayAnswers, value: Any, body: bytes, *, said_no: bool) -> str:
    if not said_no:
        return ""
    words = _line(_at(value, answers.error)) if answers.error else ""
    return words or _line(body[:2000].decode("utf-8", "replace"))


def _at(value: Any, path: str) -> Any:
    found = value
    for step in path.split("."):
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get(step)
        elif isinstance(found, list) and step.isascii() and step.isdigit():
            members = cast("list[Any]", found)
            found = members[int(step)] if int(step) < len(members) else None
        else:
            return None
    return found


def _line(value: Any) -> str:
    """As one printable line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:400]
