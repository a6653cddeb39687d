"""The account at the other end, read through eSputnik's API with patience: limits and failures are waited out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from syncom.clock import Clock
from syncom.errors import Forbidden, NotFound, Unauthorized, Upstream
from syncom.http.esputnik.lenient import BodyReader
from syncom.http.esputnik.method import Refused
from syncom.outbound import Answer, OutboundClient, Unreachable, check_url

#: Rows of a page: the most that eSputnik gives (reference, 2.8).
PAGE: Final = 500
#: Rows of activity asked for at once: a client reports trouble above (reference, 5.10).
ACTIVITY_PAGE: Final = 1000
_TRIES: Final = 8
_LONGEST_WAIT: Final = 60.0
_LIMIT: Final = 64 * 1024 * 1024
_SECONDS: Final = 120.0
_WINDOW: Final = "%Y-%m-%dT%H:%M:%S"


class SourceChannel(msgspec.Struct, frozen=True, kw_only=True):
    type: str = ""
    value: str = ""


class SourceValue(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an additional field."""

    id: int
    value: str = ""


class SourceAddress(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    region: str = ""
    town: str = ""
    address: str = ""
    postcode: str = ""
    country_code: str = ""


class SourceContact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A contact there (reference, 3.1)."""

    id: int
    first_name: str = ""
    last_name: str = ""
    channels: list[SourceChannel] = []
    address: SourceAddress | None = None
    fields: list[SourceValue] = []
    external_customer_id: str = ""
    contact_key: str = ""
    language_code: str = ""
    time_zone: str = ""
    #: Said by another Syncom only: channels over which no mailings are wanted.
    unsubscribed: list[str] = []


class SourceGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A segment there. ``type`` is Static, Dynamic or Combined."""

    id: int
    name: str
    type: str = "Static"


class SourceValues(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    possible_values: list[str] = []


class SourceDescription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    type: str = "textfield"
    allowed_values: SourceValues | None = None


class SourceField(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Definition of an additional field."""

    id: int
    name: str = ""
    field_key: str = ""
    description: SourceDescription = SourceDescription()


class _FieldGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    profile_key: str = ""
    fields: list[SourceField] = []


class _AddressBook(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    field_groups: list[_FieldGroup] = []


class _AddressBooks(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    address_book: list[_AddressBook] = []


class SourceTemplate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A prepared email."""

    id: int
    name: str = ""
    from_: str = msgspec.field(name="from", default="")
    subject: str = ""
    html_text: str = ""
    plain_text: str = ""
    tags: list[str] = []


class SourceActivity(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One row of contacts' activity; only what a move needs."""

    email: str = ""
    sms: str = ""
    media_type: str = ""
    hard_bounce: bool = False
    status_description: str = ""
    activity_date_time: str = ""
    offset: str = ""


class SourceUnsubscribed(msgspec.Struct, frozen=True, kw_only=True):
    """An address that gets no mailings, and why; another Syncom has this list."""

    email: str
    reason: str = "unsubscribed"


class ActivityOff(Upstream):
    """The other account does not give its activity away."""

    code = "activity_off"


Row = TypeVar("Row")

_CONTACTS: Final = BodyReader(list[SourceContact])
_CONTACT: Final = BodyReader(SourceContact)
_GROUPS: Final = BodyReader(list[SourceGroup])
_BOOKS: Final = BodyReader(_AddressBooks)
_TEMPLATES: Final = BodyReader(list[SourceTemplate])
_TEMPLATE: Final = BodyReader(SourceTemplate)
_ACTIVITY: Final = BodyReader(list[SourceActivity])
_UNSUBSCRIBED: Final = BodyReader(list[SourceUnsubscribed])


class EsputnikSource:
    """One account, by its address and API key."""

    def __init__(self, client: OutboundClient, clock: Clock, *, url: str, key: str) -> None:
        """``url`` is the host, such as https://esputnik.com; a path is kept, /api is added. Raises Invalid."""
        self._client = client
        self._clock = clock
        base = str(check_url("url", url)).rstrip("/")
        self.url = base.removesuffix("/api")
        self._headers = {
            "Authorization": "Basic " + b64encode(f"api:{key}".encode()).decode(),
            "Accept": "application/json",
        }

    async def organisation(self) -> str:
        """The account's name: what tells whether the key is right. Raises Unauthorized, Upstream."""
        answer = await self._get("/v1/account/info")
        return str(msgspec.json.decode(answer.body).get("organisationName", ""))

    async def fields(self) -> list[tuple[str, SourceField]]:
        """The additional fields, each with the key of its group."""
        books: _AddressBooks = self._read(_BOOKS, await self._get("/v1/addressbooks"))
        return [
            (group.profile_key, field)
            for book in books.address_book
            for group in book.field_groups
            for field in group.fields
        ]

    async def contacts(self, start: int) -> tuple[list[SourceContact], int | None]:
        """A page of contacts from this place (from 1) on, and how many there are when that is known."""
        answer = await self._get("/v1/contacts", startindex=start, maxrows=PAGE)
        return self._read(_CONTACTS, answer), _total(answer)

    async def contact(self, contact_id: int) -> SourceContact | None:
        """A contact's card; None when it was deleted since."""
        try:
            return self._read(_CONTACT, await self._get(f"/v1/contact/{contact_id}"))
        except NotFound:
            return None

    async def groups(self) -> AsyncIterator[SourceGroup]:
        """Every segment."""
        start = 1
        while True:
            page: list[SourceGroup] = self._read(_GROUPS, await self._get("/v1/groups", startindex=start, maxrows=PAGE))
            for group in page:
                yield group
            if len(page) < PAGE:
                return
            start += PAGE

    async def members(self, group_id: int, start: int) -> tuple[list[SourceContact], int | None]:
        """A page of a segment's contacts."""
        answer = await self._get(f"/v1/group/{group_id}/contacts", startindex=start, maxrows=PAGE)
        return self._read(_CONTACTS, answer), _total(answer)

    async def templates(self, start: int) -> list[SourceTemplate]:
        """A page of prepared emails, without their texts where the other side leaves them out."""
        answer = await self._get("/v1/messages/email", startindex=start, maxrows=PAGE)
        return self._read(_TEMPLATES, answer)

    async def template(self, template_id: int) -> SourceTemplate:
        """One prepared email with its texts."""
        return self._read(_TEMPLATE, await self._get(f"/v1/messages/email/{template_id}"))

    async def unsubscribed(self, after: str) -> list[SourceUnsubscribed] | None:
        """A page of addresses that get no mailings, behind this one; None: the other side has no such list."""
        try:
            answer = await self._get("/v1/emails/unsubscribed", after=after, maxrows=PAGE)
        except (NotFound, Upstream):
            # eSputnik knows this path for POST below it only; whatever it says then, there is the activity.
            return None
        return self._read(_UNSUBSCRIBED, answer)

    async def activity(self, status: str, since: datetime, until: datetime, offset: str) -> list[SourceActivity]:
        """A page of what happened to contacts. Raises ActivityOff."""
        query: dict[str, Any] = {
            "dateFrom": since.strftime(_WINDOW),
            "dateTo": until.strftime(_WINDOW),
            "activityStatus": status,
            "maxrows": ACTIVITY_PAGE,
        }
        if offset:
            query["offset"] = offset
        return self._read(_ACTIVITY, await self._get("/v2/contacts/activity", **query))

    # ------------------------------------------------------------ one request

    async def _get(self, path: str, **query: Any) -> Answer:
        """An answer of 200, after as many tries as it takes within reason."""
        url = f"{self.url}/api{path}" + (f"?{urlencode(query)}" if query else "")
        attempt = 0
        while True:
            attempt += 1
            asked = None
            try:
                answer = await self._client.call("GET", url, headers=self._headers, seconds=_SECONDS, limit=_LIMIT)
            except Unreachable as error:
                trouble: Exception = error
            else:
                if answer.status == 200:
                    return answer
                if answer.status != 429 and answer.status < 500:
                    raise _refusal(path, answer)
                asked = answer.headers.get("Retry-After")
                trouble = Upstream(f"{self.url} keeps answering {answer.status} to {path}; run it again later")
            if attempt == _TRIES:
                raise trouble
            await self._pause(attempt, asked)

    async def _pause(self, attempt: int, asked: str | None) -> None:
        """What the server asks for, or 3, 6, 12 ... seconds (reference, 2.7), a minute at most."""
        seconds = float(asked) if asked and asked.isdigit() else min(1.5 * 2**attempt, _LONGEST_WAIT)
        await self._clock.sleep(min(seconds, _LONGEST_WAIT) * self._clock.jitter(1.0, 1.2))

    def _read(self, reader: BodyReader, answer: Answer) -> Any:
        try:
            return reader.read(answer.body)
        except Refused as error:
            raise Upstream(f"{self.url} answered something else than expected: {error.message}") from None


def _total(answer: Answer) -> int | None:
    text = answer.headers.get("TotalCount", "")
    return int(text) if text.isdigit() else None


def _refusal(path: str, answer: Answer) -> Exception:
    words = _words(answer)
    if answer.status == 401:
        return Unauthorized("the key is refused there: make one with full access and give it with --key-stdin")
    if path == "/v2/contacts/activity" and answer.status in (400, 403, 404):
        return ActivityOff(words)
    if answer.status == 403:
        return Forbidden(f"the key has no right for {path} there: make one with full access")
    if answer.status == 404:
        return NotFound("page", path)
    return Upstream(f"{path} was refused there with {answer.status}: {words}")


def _words(answer: Answer) -> str:
    try:
        found = msgspec.json.decode(answer.body)
        return str(found["message"])[:500]
    except (msgspec.DecodeError, KeyError, TypeError):
        return answer.body[:500].decode("utf-8", errors="replace")
