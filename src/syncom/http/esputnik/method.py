"""What a method of the API is made of: a row of a table, and the one request it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from procrastinate import App as JobRunner

from syncom.accounts.model import Permission, Principal
from syncom.app import App
from syncom.errors import SyncomError
from syncom.http.parameters import Parameter

BodyType = TypeVar("BodyType")

#: Larger bodies are refused unread.
MAX_BODY: Final = 10 * 1024 * 1024
_MAX_QUERY_FIELDS: Final = 200


class Refused(SyncomError):
    """An answer of the API that is not a success. ``plain``: the bare sentence instead of the error object."""

    def __init__(
        self, status: int, message: str, *, plain: bool = False, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.plain = plain
        self.headers = headers or {}


class Sentence(str):
    """A bare sentence as a body (eSputnik reference, 2.3), under the content type of JSON."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A body that is no JSON, such as a script."""

    text: str
    media: str = "text/plain;charset=UTF-8"


class _Empty:
    """The type of EMPTY."""


#: A success without a body: ``Content-Length: 0`` and no content type.
EMPTY: Final = _Empty()


@dataclass(frozen=True, slots=True)
class Answer:
    """A body with headers of its own, such as ``TotalCount``: anything msgspec encodes, Sentence, Text or EMPTY."""

    value: object
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    #: Of values that msgspec encodes.
    status: int = 200


class Scope(Enum):
    """The vendor's groups of methods, each with the permission that a key needs for it."""

    GENERAL = Permission.READ_ACCOUNT
    READ_CONTACTS = Permission.READ_CONTACTS
    WRITE_CONTACTS = Permission.WRITE_CONTACTS
    ACTIVITY = Permission.READ_ACTIVITY
    EVENTS = Permission.WRITE_EVENTS
    SENDING = Permission.SEND
    READ_CONTENT = Permission.READ_CONTENT
    WRITE_CONTENT = Permission.WRITE_CONTENT
    READ_CAMPAIGNS = Permission.READ_CAMPAIGNS
    WRITE_CAMPAIGNS = Permission.WRITE_CAMPAIGNS


class RequestHeaders(Mapping[str, str]):
    """The headers of a request by lower-case name. Methods look at two of them, so they are read when asked for."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return str(found)

    def get(self, name: str, default: Any = None) -> Any:
        wanted = name.encode("latin-1")
        found: bytes | None = None
        for given, value in self._raw:
            if given == wanted:
                found = value
        return default if found is None else found.decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self._raw))

    def __len__(self) -> int:
        return len({name for name, _ in self._raw})


class Query:
    """The query of a request. Wrong values are refused by name."""

    def __init__(self, raw: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        if not raw:
            return
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:
            raise Refused(400, "The query cannot be read: encode it as UTF-8 in percent form") from None
        for name, value in pairs:
            if "\0" in value or "\ufffd" in value:
                raise Refused(400, f"'{name}' is not UTF-8 text")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        """The first value without blanks around it; None when it is missing or blank."""
        return next((value.strip() for value in self._values.get(name, ())), None) or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise Refused(400, f"Required parameter '{name}' is missing")
        return value

    def number(self, name: str, *, default: int, least: int = 0, clamp: int | None = None) -> int:
        """A whole number of at least ``least``; more than ``clamp`` counts as that."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = int(text) if text.isascii() and len(text) < 20 else None
        except ValueError:
            value = None
        if value is None or value < least:
            raise Refused(400, f"'{name}' must be a whole number of at least {least}")
        return value if clamp is None else min(value, clamp)

    def words(self, name: str) -> list[str]:
        """Values separated by commas, or given several times."""
        return [word.strip() for value in self._values.get(name, ()) for word in value.split(",") if word.strip()]

    def flag(self, name: str, *, default: bool = False) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false", "1", "0"):
            raise Refused(400, f"'{name}' must be true or false")
        return text.lower() in ("true", "1")

    def has(self, name: str) -> bool:
        return self.text(name) is not None


class Call(msgspec.Struct, Generic[BodyType], frozen=True, gc=False):
    """One request of a method, checked: who asks is known and may, the body has its type."""

    app: App
    #: Where background work is queued.
    jobs: JobRunner
    by: Principal
    #: Members of the path by name: positive integers, or texts for ``{name:text}``.
    path: Mapping[str, Any]
    query: Query
    body: BodyType
    #: The body as it came.
    raw: bytes
    #: Request headers by lower-case name.
    headers: Mapping[str, str]

    @property
    def account_id(self) -> int:
        return self.by.account_id


#: ``startindex`` and ``maxrows``, which most lists take.
PAGING: Final = (
    Parameter(name="startindex", type="integer", text="First row, counted from 1."),
    Parameter(name="maxrows", type="integer", text="Rows to return, 500 at most."),
)

Handler = Callable[[Call[Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API. ``path`` has members such as ``{id}`` (a positive integer) and ``{language:text}``."""

    verb: str
    path: str
    handler: Handler
    scope: Scope = field(kw_only=True)
    #: Type of the JSON body: a msgspec Struct, or one and a list of something; None: the body is not read as JSON.
    body: Any = field(kw_only=True, default=None)
    #: Content types taken beside JSON; the handler reads ``Call.raw``.
    media: tuple[str, ...] = field(kw_only=True, default=())
    #: A missing body counts as an empty object.
    body_optional: bool = field(kw_only=True, default=False)
    #: Members that are null are kept: the type tells them apart from missing ones.
    keep_nulls: bool = field(kw_only=True, default=False)
    max_body: int = field(kw_only=True, default=MAX_BODY)
    #: Counts against the calls a second of a key (eSputnik reference, 2.7).
    paced: bool = field(kw_only=True, default=False)
    #: Taken at a pace from each address: anybody may call it.
    by_address: bool = field(kw_only=True, default=False)
    #: The same request again within a minute is refused with 409 (eSputnik reference, 9).
    once: bool = field(kw_only=True, default=False)
    #: Called with a token of its own instead of an API key; the handler checks it and ``Call.by`` is nobody.
    public: bool = field(kw_only=True, default=False)
    summary: str = field(kw_only=True)
    query: Sequence[Parameter] = field(kw_only=True, default=())
    #: Refusals beside those every method has, for the document.
    refusals: Sequence[str] = field(kw_only=True, default=())
    #: Type of the answer's body for the document; None: a sentence or nothing.
    answer: Any = field(kw_only=True, default=None)


def reason_phrase(status: int) -> str:
    """What HTTP calls this status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
