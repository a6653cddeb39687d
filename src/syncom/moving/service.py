"""Pull an account: its additional fields, its people, who must not get mail, segments and templates.

Each page is written and then the place is moved on, so a move that was killed goes on where it was; writing a page
again changes nothing, because everything is recognised by its identity or by what it became here the first time.
Who unsubscribed is pulled before the contacts: no one is here for a moment as somebody who may be mailed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import psycopg

from syncom.clock import Clock
from syncom.contacts.model import (
    Channel,
    ContactInput,
    CustomField,
    FieldType,
    IdentityKind,
    MergeMode,
    RowProblem,
    Suppression,
    UpsertOptions,
)
from syncom.contacts.normalise import international, normalise_email, normalise_phone
from syncom.contacts.service import ContactsService, suppress
from syncom.content.model import Dialect, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import Conflict, Invalid, SyncomError
from syncom.http.esputnik.senders import read_from
from syncom.messages.senders import SendersService
from syncom.moving import store
from syncom.moving.model import STEPS, Move, MoveOptions, MoveProblem, Step
from syncom.moving.source import (
    ACTIVITY_PAGE,
    PAGE,
    ActivityOff,
    EsputnikSource,
    SourceActivity,
    SourceContact,
    SourceField,
    SourceGroup,
    SourceTemplate,
)
from syncom.moving.store import Standing
from syncom.postgres.pool import Database

OnProgress = Callable[[Step, str, int, int | None], None]

#: Cards asked for side by side; far below the 200 a second that eSputnik allows.
_CARDS_AT_ONCE: Final = 8
_WINDOW: Final = timedelta(days=30)
_ADDRESSES_AT_ONCE: Final = 10_000
_LOCK: Final = 7_295_311_045
#: Members a row is refused for; without them nobody could be recognised or reached.
_IDENTITIES: Final = frozenset({"email", "phone", "external_id", "contact_key"})
_TYPES: Final = {
    "combobox": FieldType.CHOICE,
    "checkboxlist": FieldType.MULTICHOICE,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "number": FieldType.NUMBER,
    "decimal": FieldType.NUMBER,
}
_NOT_IN_KEY: Final = re.compile(r"[^a-z0-9_]+")
_STATUSES: Final = ("UNSUBSCRIBED", "SPAM", "UNDELIVERED")


class MoveService:
    """Moves into one account."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        content: ContentService,
        senders: SendersService,
        clock: Clock,
    ) -> None:
        self._parts = _Parts(database=database, contacts=contacts, content=content, senders=senders, clock=clock)
        self._database = database

    async def moves(self, account_id: int) -> list[Move]:
        """Every move of the account, the last one first."""
        async with self._database.tenant(account_id) as connection:
            return await store.moves(connection, account_id)

    async def problems(self, account_id: int, move_id: int) -> list[MoveProblem]:
        """What a move left out."""
        async with self._database.tenant(account_id) as connection:
            return await store.problems(connection, account_id, move_id)

    async def run(
        self,
        account_id: int,
        source: EsputnikSource,
        options: MoveOptions,
        *,
        unsubscribed: Sequence[str] = (),
        on_progress: OnProgress | None = None,
    ) -> Move:
        """Begin a move or go on with the one from the same account; returns when all is here.

        ``unsubscribed``: addresses beside those that the other account tells of. Raises Unauthorized or Forbidden
        for a bad key, Upstream when the other side cannot be read (run it again: it goes on), Conflict when the
        same move is running.
        """
        name = await source.organisation()
        async with self._database.autocommit() as lock:
            if not await _taken(lock, account_id):
                raise Conflict("a move into this account is running already; let it end")
            try:
                async with self._database.tenant(account_id) as connection:
                    standing = await store.begin(
                        connection, account_id, f"{source.url} {name}", Step.FIELDS, restart=options.restart
                    )
                run = _Run(self._parts, account_id, source, standing)
                await run.go(options, unsubscribed, on_progress or _silent)
            finally:
                await lock.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK & 0x7FFFFFFF, account_id % 2**31))
        return next(move for move in await self.moves(account_id) if move.move_id == standing.move_id)


async def _taken(connection: psycopg.AsyncConnection[tuple[object, ...]], account_id: int) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK & 0x7FFFFFFF, account_id % 2**31))
    row = await cursor.fetchone()
    return bool(row and row[0])


def _silent(step: Step, what: str, done: int, total: int | None) -> None:
    del step, what, done, total


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run works with."""

    database: Database
    contacts: ContactsService
    content: ContentService
    senders: SendersService
    clock: Clock


class _Run:
    """One run of a move."""

    def __init__(self, parts: _Parts, account_id: int, source: EsputnikSource, standing: Standing) -> None:
        self._database = parts.database
        self._contacts = parts.contacts
        self._content = parts.content
        self._senders = parts.senders
        self._clock = parts.clock
        self._account_id = account_id
        self._source = source
        self._standing = standing
        self._report: OnProgress = _silent
        #: Custom fields here by the id of the field there.
        self._fields: dict[int, CustomField] = {}

    async def go(self, options: MoveOptions, unsubscribed: Sequence[str], report: OnProgress) -> None:
        self._report = report
        self._fields = await self._known_fields()
        await self._unsubscribe(Channel.EMAIL, unsubscribed)
        while self._standing.step is not None:
            step = self._standing.step
            if step is Step.FIELDS:
                await self._move_fields()
            elif step is Step.UNSUBSCRIBED:
                await self._move_unsubscribed(options.history_months)
            elif step is Step.CONTACTS:
                await self._move_contacts(cards=options.cards)
            elif step is Step.SEGMENTS:
                await self._move_segments()
            else:
                await self._move_templates()
            await self._next(step)

    async def _next(self, step: Step) -> None:
        place = STEPS.index(step) + 1
        self._standing.step = STEPS[place] if place < len(STEPS) else None
        await self._keep({})

    async def _keep(self, place: dict[str, object]) -> None:
        self._standing.place = place
        async with self._database.tenant(self._account_id) as connection:
            await store.advance(connection, self._account_id, self._standing)

    async def _note(self, problems: Sequence[MoveProblem]) -> None:
        if not problems:
            return
        async with self._database.tenant(self._account_id) as connection:
            await store.add_problems(connection, self._account_id, self._standing.move_id, problems)

    async def _objects(self, kind: str) -> dict[int, int]:
        async with self._database.tenant(self._account_id) as connection:
            return await store.objects(connection, self._account_id, self._standing.move_id, kind)

    async def _remember(self, kind: str, source_id: int, target_id: int) -> None:
        async with self._database.tenant(self._account_id) as connection:
            await store.remember(connection, self._account_id, self._standing.move_id, kind, source_id, target_id)

    # ------------------------------------------------------------ fields

    async def _known_fields(self) -> dict[int, CustomField]:
        here = {field.field_id: field for field in await self._contacts.fields.all(self._account_id)}
        moved = await self._objects("field")
        return {there: here[field_id] for there, field_id in moved.items() if field_id in here}

    async def _move_fields(self) -> None:
        found = await self._source.fields()
        for number, (group, field) in enumerate(found, start=1):
            if field.id not in self._fields:
                await self._move_field(group, field)
            self._report(Step.FIELDS, field.name, number, len(found))

    async def _move_field(self, group: str, field: SourceField) -> None:
        type_ = _TYPES.get(field.description.type, FieldType.TEXT)
        choices = field.description.allowed_values.possible_values if field.description.allowed_values else []
        if type_ in (FieldType.CHOICE, FieldType.MULTICHOICE) and not choices:
            type_ = FieldType.TEXT
        by_key = {known.key: known for known in await self._contacts.fields.all(self._account_id)}
        for key in _keys(group, field):
            known = by_key.get(key)
            if known is not None and known.type is not type_:
                continue
            try:
                here = known or await self._contacts.fields.create(
                    self._account_id,
                    key=key,
                    name=field.name or key,
                    type=type_,
                    choices=choices if type_ in (FieldType.CHOICE, FieldType.MULTICHOICE) else (),
                )
            except SyncomError as error:
                reason = error.message
                continue
            self._fields[field.id] = here
            await self._remember("field", field.id, here.field_id)
            self._standing.count("fields")
            return
        reason = "no key is free for it"
        await self._note([MoveProblem(what=f"field {field.name} ({field.id})", reason=reason)])

    # ------------------------------------------------------------ who must not get mail

    async def _move_unsubscribed(self, months: int) -> None:
        """Another Syncom has a list of them; at eSputnik the activity tells."""
        if not await self._move_list():
            await self._move_history(months)

    async def _move_list(self) -> bool:
        after = str(self._standing.place.get("after", ""))
        seen = 0
        while True:
            page = await self._source.unsubscribed(after)
            if page is None:
                return False
            left = [row.email for row in page if row.reason == "unsubscribed"]
            await self._unsubscribe(Channel.EMAIL, left)
            await self._suppress([(row.email, row.reason, "") for row in page if row.reason != "unsubscribed"])
            seen += len(page)
            self._report(Step.UNSUBSCRIBED, "addresses", seen, None)
            if len(page) < PAGE:
                return True
            after = page[-1].email
            await self._keep({"after": after})

    async def _move_history(self, months: int) -> None:
        """Backwards in windows of a month, so that the newest decisions are here first."""
        now = self._clock.now().replace(microsecond=0)
        place = self._standing.place
        end = datetime.fromisoformat(place["end"]) if "end" in place else now
        oldest = now - timedelta(days=round(months * 30.44))
        status = place.get("status", _STATUSES[0])
        for current in _STATUSES[_STATUSES.index(status) :]:
            while end > oldest:
                start = max(oldest, end - _WINDOW)
                try:
                    await self._move_window(current, start, end)
                except ActivityOff as error:
                    reason = f"{error.message} Export the unsubscribed there and give the file with --unsubscribed."
                    await self._note([MoveProblem(what="unsubscribed addresses", reason=reason)])
                    return
                end = start
                await self._keep({"status": current, "end": end.isoformat()})
            end = now

    async def _move_window(self, status: str, start: datetime, end: datetime) -> None:
        offset, seen = "", 0
        while True:
            rows = await self._source.activity(status, start, end, offset)
            await self._take_activity(status, rows)
            seen += len(rows)
            self._report(Step.UNSUBSCRIBED, f"{status.lower()} {start:%Y-%m}", seen, None)
            if len(rows) < ACTIVITY_PAGE or not rows[-1].offset or rows[-1].offset == offset:
                return
            offset = rows[-1].offset

    async def _take_activity(self, status: str, rows: Sequence[SourceActivity]) -> None:
        if status == "UNSUBSCRIBED":
            await self._unsubscribe(Channel.EMAIL, [row.email for row in rows if row.email])
            await self._unsubscribe(Channel.SMS, [row.sms for row in rows if row.sms and not row.email])
            return
        reason = "complaint" if status == "SPAM" else "hard bounce"
        await self._suppress(
            [
                (row.email or row.sms, reason, row.status_description)
                for row in rows
                if (row.email or row.sms) and (status == "SPAM" or row.hard_bounce)
            ]
        )

    async def _suppress(self, addresses: Sequence[tuple[str, str, str]]) -> None:
        """Nothing at all is sent to these (address, reason, words): they complained, or are dead."""
        rows = [
            Suppression(
                account_id=self._account_id,
                channel=Channel.EMAIL if "@" in address else Channel.SMS,
                address=address if "@" in address else international(address),
                reason=reason,
                detail=f"moved from {self._source.url}: {words}".rstrip(": "),
            )
            for address, reason, words in addresses
        ]
        async with self._database.system() as connection:
            await suppress(connection, rows)
        self._standing.count("suppressed", len(rows))

    async def _unsubscribe(self, channel: Channel, addresses: Sequence[str]) -> None:
        """These addresses get no mailings, whether they are a contact's yet or not."""
        good: list[str] = []
        for address in addresses:
            try:
                good.append(
                    normalise_email(address)
                    if channel is Channel.EMAIL
                    else normalise_phone(international(address), None)
                )
            except ValueError as error:
                await self._note([MoveProblem(what=f"unsubscribed {address[:100]}", reason=str(error))])
        for start in range(0, len(good), _ADDRESSES_AT_ONCE):
            chosen = good[start : start + _ADDRESSES_AT_ONCE]
            await self._contacts.consents.unsubscribe_addresses(self._account_id, channel, chosen, source="import")
        self._standing.count("unsubscribed", len(good))

    # ------------------------------------------------------------ contacts

    async def _move_contacts(self, *, cards: bool) -> None:
        start = int(self._standing.place.get("start", 1))
        while True:
            rows, total = await self._source.contacts(start)
            await self._write(await self._cards(rows) if cards else rows, ())
            start += len(rows)
            self._standing.count("contacts", len(rows))
            await self._keep({"start": start})
            self._report(Step.CONTACTS, "contacts", start - 1, total)
            if len(rows) < PAGE:
                return

    async def _cards(self, rows: Sequence[SourceContact]) -> list[SourceContact]:
        """The rows with their additional fields, which the list does not show."""
        gate = asyncio.Semaphore(_CARDS_AT_ONCE)

        async def card(row: SourceContact) -> SourceContact | None:
            async with gate:
                return await self._source.contact(row.id)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(card(row)) for row in rows]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [found for found in (task.result() for task in tasks) if found is not None]

    async def _write(self, rows: Sequence[SourceContact], list_ids: tuple[int, ...]) -> None:
        """Write contacts. A member that is refused is left out and noted; without an identity the row is."""
        options = UpsertOptions(
            key=IdentityKind.EXTERNAL_ID,
            fallback_keys=(IdentityKind.EMAIL, IdentityKind.PHONE, IdentityKind.CONTACT_KEY),
            mode=MergeMode.OVERWRITE,
            list_ids=list_ids,
            source="import",
            consent_detail={"moved_from": self._source.url},
        )
        left = [one.value for row in rows if "email" in row.unsubscribed for one in row.channels if one.type == "email"]
        await self._unsubscribe(Channel.EMAIL, left)
        left = [one.value for row in rows if "sms" in row.unsubscribed for one in row.channels if one.type == "sms"]
        await self._unsubscribe(Channel.SMS, left)
        pending = [(row.id, self._input(row)) for row in rows]
        while pending:
            result = await self._contacts.upsert(self._account_id, [one for _, one in pending], options)
            self._standing.count("created", result.created)
            self._standing.count("updated", result.updated)
            await self._note([_problem(pending[bad.index][0], bad) for bad in result.problems])
            again: list[tuple[int, ContactInput]] = []
            for bad in result.problems:
                there, row = pending[bad.index]
                mended = _without(row, bad.field)
                if mended is not None:
                    again.append((there, mended))
                else:
                    self._standing.count("left out")
            pending = again
        consents = self._contacts.consents
        for channel, kind in ((Channel.EMAIL, "email"), (Channel.SMS, "sms")):
            found = [one.value for row in rows for one in row.channels if one.type.lower() == kind]
            addresses = found if channel is Channel.EMAIL else [international(value) for value in found]
            await consents.apply_unsubscribed(self._account_id, channel, addresses, source="import")

    def _input(self, row: SourceContact) -> ContactInput:
        """The contact as we write it. What is empty there is not named, so that it clears nothing here."""
        emails = [one.value.strip() for one in row.channels if one.type.lower() == "email" and one.value.strip()]
        phones = [international(one.value) for one in row.channels if one.type.lower() == "sms" and one.value.strip()]
        address = row.address
        named = {
            "email": emails[0] if emails else "",
            "phone": phones[0] if phones else "",
            "external_id": row.external_customer_id,
            "contact_key": row.contact_key,
            "first_name": row.first_name,
            "last_name": row.last_name,
            "region": address.region if address else "",
            "city": address.town if address else "",
            "address": address.address if address else "",
            "postcode": address.postcode if address else "",
            "country": address.country_code if address else "",
            "language": row.language_code,
            "time_zone": row.time_zone,
        }
        fields = {
            self._fields[value.id].key: value.value
            for value in row.fields
            if value.id in self._fields and value.value.strip()
        }
        return ContactInput(
            **{name: value for name, value in named.items() if value.strip()},
            fields=fields,
            emails=tuple(emails[1:]),
            phones=tuple(phones[1:]),
        )

    # ------------------------------------------------------------ segments

    async def _move_segments(self) -> None:
        groups = [group async for group in self._source.groups()]
        done = set(self._standing.place.get("done", ()))
        for number, group in enumerate(groups, start=1):
            if group.id not in done:
                await self._move_segment(group, done)
                done.add(group.id)
                await self._keep({"done": sorted(done)})
            self._report(Step.SEGMENTS, group.name, number, len(groups))

    async def _move_segment(self, group: SourceGroup, done: set[int]) -> None:
        """A list with the members of this moment; the condition of a dynamic segment cannot be read there."""
        moved = await self._objects("list")
        list_id = moved.get(group.id)
        if list_id is None:
            name = group.name if group.type.lower() == "static" else f"{group.name} (as moved)"
            try:
                list_id = await self._contacts.lists.ensure(self._account_id, name)
            except Invalid as error:
                await self._note([MoveProblem(what=f"segment {group.id}", reason=error.message)])
                return
            await self._remember("list", group.id, list_id)
            self._standing.count("segments")
        place = self._standing.place
        start = int(place.get("start", 1)) if place.get("group") == group.id else 1
        while True:
            rows, _ = await self._source.members(group.id, start)
            await self._write(rows, (list_id,))
            start += len(rows)
            self._standing.count("memberships", len(rows))
            await self._keep({"done": sorted(done), "group": group.id, "start": start})
            if len(rows) < PAGE:
                return

    # ------------------------------------------------------------ templates

    async def _move_templates(self) -> None:
        start = int(self._standing.place.get("start", 1))
        while True:
            page = await self._source.templates(start)
            for number, row in enumerate(page):
                await self._move_template(row if row.html_text else await self._source.template(row.id))
                self._report(Step.TEMPLATES, row.name, start + number, None)
            start += len(page)
            await self._keep({"start": start})
            if len(page) < PAGE:
                return

    async def _move_template(self, row: SourceTemplate) -> None:
        name, address = read_from(row.from_)
        sender = await self._senders.with_address(self._account_id, address)
        template = TemplateInput(
            name=row.name or f"Message {row.id}",
            subject=row.subject,
            source=row.html_text,
            text=row.plain_text,
            tags=tuple(row.tags),
            dialect=Dialect.VELOCITY,
            sender_id=sender.sender_id if sender else None,
            from_name=name,
        )
        moved = await self._objects("template")
        try:
            if row.id in moved:
                await self._content.update(self._account_id, moved[row.id], template)
                return
            added = await self._content.create(self._account_id, template)
        except SyncomError as error:
            await self._note([MoveProblem(what=f"template {row.name} ({row.id})", reason=error.message)])
            self._standing.count("templates left out")
            return
        await self._remember("template", row.id, added.template_id)
        self._standing.count("templates")


def _keys(group: str, field: SourceField) -> list[str]:
    """Keys a field may get here, the best first: merge tags find it by any of them."""
    own = _key(field.field_key or field.name)
    both = _key(f"{group}_{field.field_key or field.name}")
    return [key for key in dict.fromkeys((own, both, f"field_{field.id}")) if key]


def _key(text: str) -> str:
    key = _NOT_IN_KEY.sub("_", text.lower()).strip("_")[:60]
    return key if not key or key[0].isalpha() else f"f_{key}"


def _problem(there: int, bad: RowProblem) -> MoveProblem:
    return MoveProblem(what=f"contact {there}", reason=f"{bad.field}: {bad.reason}")


def _without(row: ContactInput, field: str) -> ContactInput | None:
    """The row without the refused member; None when it cannot do without."""
    name, _, key = field.partition(".")
    if name == "fields":
        return msgspec.structs.replace(row, fields={one: value for one, value in row.fields.items() if one != key})
    if name in ("emails", "phones"):
        return msgspec.structs.replace(row, **{name: ()})
    left = _IDENTITIES - {name}
    if name in _IDENTITIES and not any(getattr(row, one) is not msgspec.UNSET for one in left):
        return None
    if name not in row.__struct_fields__ or getattr(row, name) is msgspec.UNSET:
        return None
    return msgspec.structs.replace(row, **{name: msgspec.UNSET})
