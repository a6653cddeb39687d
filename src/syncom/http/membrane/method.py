"""What a method of the API is made of: a row of a table, and the one request it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar.types import Receive, Scope, Send
from procrastinate import App as JobRunner

from syncom.app import App
from syncom.connect.model import Caller
from syncom.errors import Invalid, SyncomError
from syncom.http.authentication import Authentication
from syncom.http.parameters import Parameter

BodyType = TypeVar("BodyType")
Item = TypeVar("Item")

#: Where the API is.
PREFIX: Final = "/membrane"
#: Larger bodies are refused unread (membrane-api, 4).
MAX_BODY: Final = 10 * 1024 * 1024
_MAX_QUERY_FIELDS: Final = 200
_MAX_OFFSET: Final = 1_000_000_000


class Refused(SyncomError):
    """An answer that is no success and no domain's error, such as a wrong verb."""

    def __init__(
        self, status: int, message: str, *, key: str = "", headers: Mapping[str, str] | None = None, data: Any = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.headers = headers or {}
        self.data = data


class _Empty:
    """The type of EMPTY."""


#: A success without a body: 204.
EMPTY: Final = _Empty()


@dataclass(frozen=True, slots=True)
class Raw:
    """A body that is not made of a value here: bytes of some type."""

    body: bytes
    media: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Page(msgspec.Struct, frozen=True):
    """Which rows of a list are asked for."""

    limit: int
    offset: int


class Listed(msgspec.Struct, Generic[Item], frozen=True, omit_defaults=True):
    """A page of a list (membrane-api, 4). ``cursor`` is absent on the last one."""

    items: list[Item]
    cursor: str | msgspec.UnsetType = msgspec.UNSET
    #: Why a ranking may be worse than usual. Our own addition.
    note: str = ""


def listed(rows: Sequence[Item], page: Page) -> Listed[Item]:
    """A page out of ``page.limit + 1`` rows at most: ask the domain for one more than is answered."""
    items = list(rows[: page.limit])
    if len(rows) > page.limit:
        return Listed(items, str(page.offset + page.limit))
    return Listed(items)


class Query:
    """The query of a request. Wrong values are refused by name (Invalid); unknown names are nobody's business."""

    def __init__(self, raw: bytes) -> None:
        self._values: dict[str, list[str]] = {}
        if not raw:
            return
        try:
            pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS)
        except ValueError:
            raise Invalid("query", "cannot be read: encode it as UTF-8 in percent form") from None
        for name, value in pairs:
            if "\0" in value or "\ufffd" in value:
                raise Invalid(name, "is not UTF-8 text")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str, *, longest: int = 2000) -> str | None:
        """The first value without blanks around it; None when it is missing or blank."""
        value = next((value.strip() for value in self._values.get(name, ())), None) or None
        if value is not None and len(value) > longest:
            raise Invalid(name, f"must have at most {longest} characters")
        return value

    def required(self, name: str, *, longest: int = 2000) -> str:
        value = self.text(name, longest=longest)
        if value is None:
            raise Invalid(name, "is required")
        return value

    def number(self, name: str, *, default: int, least: int = 0, most: int = _MAX_OFFSET) -> int:
        text = self.text(name)
        if text is None:
            return default
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
        if value is None or not least <= value <= most:
            raise Invalid(name, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """true, false, 1 or 0."""
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false", "1", "0"):
            raise Invalid(name, "must be true, false, 1 or 0")
        return text.lower() in ("true", "1")

    def words(self, name: str) -> list[str]:
        """Values separated by commas, or given several times."""
        return [word.strip() for value in self._values.get(name, ()) for word in value.split(",") if word.strip()]

    def has(self, name: str) -> bool:
        return self.text(name) is not None

    def page(self, *, default: int = 100, most: int = 1000) -> Page:
        """``limit`` and ``cursor``; a cursor is an offset as a text, and "0" is the start."""
        return Page(self.number("limit", default=default, least=1, most=most), self.number("cursor", default=0))


class Call(msgspec.Struct, Generic[BodyType], frozen=True, gc=False):
    """One request of a method, checked: who asks is known and may, the body has its type."""

    app: App
    #: Where background work is queued.
    jobs: JobRunner
    by: Caller
    #: Members of the path by name.
    path: Mapping[str, str]
    query: Query
    body: BodyType
    #: The body as it came.
    raw: bytes
    scope: Scope

    @property
    def account_id(self) -> int:
        return self.by.account_id


class Who(Enum):
    """Who may call a method."""

    __hash__ = object.__hash__

    #: Needs no token; ``Call.by`` is nobody.
    PUBLIC = "public"
    #: Every token.
    ANYONE = "anyone"
    #: A tenant's token.
    TENANT = "tenant"
    #: A workspace manager's token.
    MANAGER = "manager"
    #: A tenant's or a manager's.
    WORKSPACE = "workspace"
    #: A person's, who has signed in without choosing a tenant.
    PERSON = "platform-user"


#: ``limit`` and ``cursor``, which lists take.
PAGING: Final = (
    Parameter(name="limit", type="integer", text="Rows of a page, 1000 at most."),
    Parameter(name="cursor", text="`cursor` of the page before."),
)

Handler = Callable[[Call[Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API. ``path`` may have members such as ``{selector}``: any text without a slash."""

    verb: str
    path: str
    handler: Handler
    who: Who = field(kw_only=True, default=Who.TENANT)
    #: Type of the JSON body, usually a msgspec Struct; unknown members are dropped unless it forbids them. None: the
    #: body is not read as JSON.
    body: Any = field(kw_only=True, default=None)
    #: A missing body counts as an empty object.
    body_optional: bool = field(kw_only=True, default=True)
    max_body: int = field(kw_only=True, default=MAX_BODY)
    #: Changes something of ours: tokens with restrictions may not. None: every verb but GET does. Methods that run
    #: actions say False, and the service looks at what the action does.
    writes: bool | None = field(kw_only=True, default=None)
    summary: str = field(kw_only=True)
    query: Sequence[Parameter] = field(kw_only=True, default=())
    #: Type of the answer's body for the document; None: nothing, or anything.
    answer: Any = field(kw_only=True, default=None)

    @property
    def changes(self) -> bool:
        return self.verb != "GET" if self.writes is None else self.writes


class Edge(msgspec.Struct, frozen=True):
    """What a mounted application is made with."""

    app: App
    jobs: JobRunner
    #: Cookies of browsers, for pages.
    authentication: Authentication


#: A mounted application: ASGI, and the members of its path.
MountedRoute = Callable[[Scope, Receive, Send, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Mount:
    """A part of the API that answers by itself: streams, pages, redirects.

    ``path`` may end in ``{rest*}``, which stands for everything that follows, slashes too (already decoded: what needs
    the spelling of the address reads ``raw_path`` of the scope). The application authenticates itself
    (``errors.bearer_token``, ``TenantsService.authenticate``); an error raised before its answer began becomes one.
    Methods of the table win over mounts.
    """

    path: str
    make: Callable[[Edge], MountedRoute]
    #: None: every verb. HEAD counts as itself here.
    verbs: frozenset[str] | None = None
    #: Pages with a person's cookie are not for scripts of other sites.
    cors: bool = True
