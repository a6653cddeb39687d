"""Letting contacts in at times: on days of their own, and everybody of a segment by a schedule.

Each workflow that does has a mark: whose time came until then has come in. A look lets in whose time came between the
mark and now, a batch a transaction, which moves the mark too: a killed keeper loses nobody and doubles nobody, and one
that comes late only lets in late. What a contact comes in by has an id of its own (:func:`syncom.ids.occurrence_id`).

Nothing is asked about contacts until a time comes. Then a look at days of their own is one pass over the contacts of
the account, every quarter of an hour: no index serves a day of the year in a field that an account makes for itself,
and one would cost every write. Measured on a machine that was busy three times over: 2.4 seconds for a million
contacts, so a quarter of a percent of a core.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple, assert_never

import msgspec
from psycopg import DataError, sql

from syncom.clock import Clock
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid, NotFound
from syncom.ids import occurrence_id
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.segments.compile import Compiler
from syncom.segments.service import SegmentsService
from syncom.workflows import entering
from syncom.workflows.language import CREATED_AT, DateTrigger, ScheduleTrigger, Trigger
from syncom.workflows.model import Candidate
from syncom.workflows.moments import base_days, month_days, next_look, next_time, zone_of
from syncom.workflows.store import FOREVER

_SQL = load_sql("syncom.workflows", "timetable.sql")
_log = logging.getLogger(__name__)
#: Contacts of one transaction.
_CONTACTS: Final = 5_000
#: What came due longer ago than this is not made up for.
_LATEST: Final = timedelta(days=1)
#: A workflow that cannot be carried out is looked at again after this.
_LATER: Final = timedelta(minutes=5)
#: Advisory lock of who lets in.
_LOCK: Final = (0x776F << 40) - 2
#: What a day is read from, as text that begins with year, month and day.
_FIELD: Final = sql.SQL("(c.fields ->> %(field)s)")
_CREATED_AT: Final = sql.SQL("""to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""")


class _Mark(NamedTuple):
    workflow_id: int
    account_id: int
    done_until: datetime
    looking_until: datetime | None
    after_bucket: int
    after_contact_id: int


class _Due(NamedTuple):
    """A contact whose time came."""

    bucket: int
    contact_id: int
    at: datetime
    #: Names the occurrence: its moment, or midnight in UTC of the contact's day.
    occurrence: datetime
    params: dict[str, Any]


# ---------------------------------------------------------------- beginning and ending


async def begin(
    connection: Connection, account_id: int, workflow_id: int, trigger: Trigger, *, now: datetime, anew: bool
) -> None:
    """Let contacts in at the times of a trigger, from now on; other triggers have none.

    Raises Invalid where ``anew`` for a schedule that is over.
    """
    match trigger:
        case DateTrigger():
            next_at = next_look(trigger.at, now)
        case ScheduleTrigger():
            following = next_time(trigger, now)
            if following is None and anew:
                when = f"{trigger.on} {trigger.at:%H:%M} in {trigger.time_zone or 'UTC'}"
                raise Invalid("definition.trigger.on", f"{when} is over: choose a moment to come")
            next_at = following or FOREVER
        case _:
            return
    values = {"account_id": account_id, "workflow_id": workflow_id, "now": now, "next_at": next_at}
    await connection.execute(_SQL["begin"], values)


async def end(connection: Connection, workflow_id: int) -> None:
    """Let nobody in by time any more, also of a look that is under way."""
    await connection.execute(_SQL["end"], {"workflow_id": workflow_id})


# ---------------------------------------------------------------- looking


class Timetable:
    """Lets contacts in when their time has come."""

    def __init__(self, database: Database, contacts: ContactsService, segments: SegmentsService, clock: Clock) -> None:
        self._database = database
        self._contacts = contacts
        self._segments = segments
        self._clock = clock

    async def step(self) -> bool:
        """Let a batch in; False when there is nothing to do now, or another keeper is at it."""
        async with self._database.system() as connection:
            if not await _claimed(connection):
                return False
            now = self._clock.now()
            row = await (await connection.execute(_SQL["due"], {"now": now})).fetchone()
            if row is None:
                return False
            values = {"workflow_id": row[0], "now": now}
            found = await (await connection.execute(_SQL["mark"], values)).fetchone()
            if found is None:
                return True
            mark, trigger = _Mark(row[0], *found[:5]), msgspec.convert(found[5], Trigger)
            try:
                async with connection.transaction():
                    await self._look(connection, mark, trigger, now)
            except (Invalid, NotFound, DataError) as error:
                _log.warning("workflow %d cannot let contacts in: %s", mark.workflow_id, error)
                await _move(connection, mark, next_at=now + _LATER)
        return True

    async def _look(self, connection: Connection, mark: _Mark, trigger: Trigger, now: datetime) -> None:
        since = max(mark.done_until, now - _LATEST)
        match trigger:
            case DateTrigger():
                until = mark.looking_until or now
            case ScheduleTrigger():
                until = mark.looking_until or next_time(trigger, since) or FOREVER
            case _:
                await end(connection, mark.workflow_id)
                return
        if until > now:
            await _move(connection, mark, next_at=until)
            return
        those: Sequence[_Due] = ()
        # A look that was left more than a day ago is not gone on with.
        if until > since:
            those = await self._due(connection, mark, trigger, since, until, now)
        await entering.let_in(connection, [_candidate(mark, one) for one in those], now=now)
        if len(those) == _CONTACTS:
            last = those[-1]
            reached = mark._replace(looking_until=until, after_bucket=last.bucket, after_contact_id=last.contact_id)
            await _move(connection, reached, next_at=now)
        else:
            done = mark._replace(done_until=until, looking_until=None, after_bucket=-1, after_contact_id=0)
            await _move(connection, done, next_at=_following(trigger, until))

    async def _due(
        self,
        connection: Connection,
        mark: _Mark,
        trigger: DateTrigger | ScheduleTrigger,
        since: datetime,
        until: datetime,
        now: datetime,
    ) -> list[_Due]:
        """The next batch of those whose time is after ``since`` and not after ``until``. Raises Invalid, NotFound."""
        if isinstance(trigger, DateTrigger):
            return await self._whose_day(connection, mark, trigger, since, until)
        return await self._in_segment(connection, mark, trigger, until, now)

    async def _whose_day(
        self, connection: Connection, mark: _Mark, trigger: DateTrigger, since: datetime, until: datetime
    ) -> list[_Due]:
        field = "" if trigger.field == CREATED_AT else await self._field(mark.account_id, trigger.field)
        statement, values = whose_day(trigger, field, since, until)
        values.update(_place(mark))
        # Never prepared: a plan is for the values it was made with.
        rows = await (await connection.execute(statement, values, prepare=False)).fetchall()
        return [
            _Due(bucket, contact_id, moment, datetime.combine(day, time(), UTC), {"date": day.isoformat()})
            for bucket, contact_id, moment, day in rows
        ]

    async def _field(self, account_id: int, key: str) -> str:
        field = (await self._contacts.fields.by_key(account_id, wanted={key})).get(key)
        if field is None:
            raise NotFound("field", key)
        return str(field.field_id)

    async def _in_segment(
        self, connection: Connection, mark: _Mark, trigger: ScheduleTrigger, moment: datetime, now: datetime
    ) -> list[_Due]:
        compiler = await self._segments.compiler(connection, mark.account_id, now=now)
        statement, values = in_segment(compiler, trigger)
        values.update(_place(mark))
        rows = await (await connection.execute(statement, values, prepare=False)).fetchall()
        params = {"date": moment.astimezone(zone_of(trigger)).date().isoformat()}
        return [_Due(bucket, contact_id, moment, moment, params) for bucket, contact_id in rows]


def whose_day(
    trigger: DateTrigger, field_id: str, since: datetime, until: datetime
) -> tuple[sql.Composed, dict[str, Any]]:
    """The statement of those whose day comes after a moment and not after another, within a year: bucket, contact,
    moment and day. It needs ``account_id``, ``after_bucket``, ``after_contact_id`` and ``limit`` beside its values.
    """
    days = base_days(since, until, trigger.days)
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "days": trigger.days,
        "at": trigger.at,
        "yearly": trigger.yearly,
        "near": month_days(days) if trigger.yearly else [day.isoformat() for day in days],
    }
    value: sql.Composable = _CREATED_AT
    if trigger.field != CREATED_AT:
        value, values["field"] = _FIELD, field_id
    part = sql.SQL("substr({}, 6, 5)" if trigger.yearly else "left({}, 10)").format(value)
    near = sql.SQL("{} = ANY(%(near)s::text[])").format(part)
    return sql.SQL(_SQL["whose_day"]).format(value=value, near=near), values


def in_segment(compiler: Compiler, trigger: ScheduleTrigger) -> tuple[sql.Composed, dict[str, Any]]:
    """The statement of everybody in the segment of a schedule: bucket and contact. It needs the same."""
    predicate = compiler.compile({"segment": trigger.segment_id})
    return sql.SQL(_SQL["in_segment"]).format(matches=predicate.text), dict(predicate.values)


def _place(mark: _Mark) -> dict[str, Any]:
    return {
        "account_id": mark.account_id,
        "after_bucket": mark.after_bucket,
        "after_contact_id": mark.after_contact_id,
        "limit": _CONTACTS,
    }


def _candidate(mark: _Mark, one: _Due) -> Candidate:
    return Candidate(
        account_id=mark.account_id,
        contact_id=one.contact_id,
        workflow_id=mark.workflow_id,
        event_id=occurrence_id(mark.workflow_id, one.contact_id, one.occurrence),
        params=one.params,
        at=one.at,
    )


def _following(trigger: DateTrigger | ScheduleTrigger, moment: datetime) -> datetime:
    match trigger:
        case DateTrigger():
            return next_look(trigger.at, moment)
        case ScheduleTrigger():
            return next_time(trigger, moment) or FOREVER
        case _:
            assert_never(trigger)


async def _move(connection: Connection, mark: _Mark, *, next_at: datetime) -> None:
    await connection.execute(_SQL["move_mark"], {**mark._asdict(), "next_at": next_at})


async def _claimed(connection: Connection) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))).fetchone()
    return bool(row and row[0])
