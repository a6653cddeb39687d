"""Everything the campaigns domain says to the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.activity.rollups.model import Ended
from syncom.activity.rollups.service import KEEPER_SHARD, count_ended
from syncom.campaigns.guarding import Counts
from syncom.campaigns.model import (
    Audience,
    CallOut,
    Campaign,
    CampaignInput,
    CampaignState,
    Late,
    LedgerRow,
    OutcomeReason,
)
from syncom.campaigns.timing import Timing
from syncom.contacts.categories import REFUSAL, named
from syncom.contacts.model import Channel
from syncom.ids import BUCKETS, campaign_message_id
from syncom.messages.dealing import deal_campaign
from syncom.messages.model import LedgerState, Way
from syncom.messages.routes import ROUTES
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.segments.compile import Predicate

_SQL = load_sql("syncom.campaigns", "campaigns.sql")

#: Recipients of one chunk (measured: claiming by the thousand is three times cheaper than row by row).
CHUNK = 1000
_LAST_CONTACT = (1 << 62) - 1


async def _one(connection: Connection, statement: str, values: Mapping[str, Any]) -> Campaign | None:
    cursor = connection.cursor(row_factory=dict_row)
    row = await (await cursor.execute(_SQL[statement], values)).fetchone()
    return msgspec.convert(row, Campaign) if row else None


async def _many(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[Campaign]:
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL[statement], values)).fetchall()
    return msgspec.convert(rows, list[Campaign])


async def insert(
    connection: Connection, account_id: int, given: CampaignInput, sender_id: int, channel: Channel, ways: Sequence[Way]
) -> Campaign:
    campaign = await _one(connection, "insert", {"account_id": account_id, **_columns(given, sender_id, channel, ways)})
    assert campaign is not None
    return campaign


async def update(
    connection: Connection,
    account_id: int,
    campaign_id: int,
    given: CampaignInput,
    sender_id: int,
    channel: Channel,
    ways: Sequence[Way],
) -> Campaign | None:
    """None when the campaign is not a draft any more."""
    values = {"account_id": account_id, "campaign_id": campaign_id, **_columns(given, sender_id, channel, ways)}
    return await _one(connection, "update", values)


def _columns(given: CampaignInput, sender_id: int, channel: Channel, ways: Sequence[Way]) -> dict[str, Any]:
    return {
        "alternatives": Jsonb(msgspec.to_builtins(ways)),
        "name": given.name.strip(),
        "template_id": given.template_id,
        "sender_id": sender_id,
        "audience": Jsonb(msgspec.to_builtins(given.audience)),
        "channel": channel.value,
        "from_name": given.from_name,
        "track_links": given.track_links,
    }


async def get(connection: Connection, account_id: int, campaign_id: int) -> Campaign | None:
    return await _one(connection, "get", {"account_id": account_id, "campaign_id": campaign_id})


async def many(connection: Connection, account_id: int, campaign_ids: Collection[int]) -> list[Campaign]:
    """Those of these campaigns that exist."""
    return await _many(connection, "many", {"account_id": account_id, "campaign_ids": sorted(campaign_ids)})


async def page(
    connection: Connection,
    account_id: int,
    before: int,
    limit: int,
    *,
    states: Sequence[CampaignState] = (),
    words: str = "",
) -> list[Campaign]:
    """Newest first. Without states: in any; words: part of the name."""
    values = {
        "account_id": account_id,
        "before": before,
        "limit": limit,
        "states": [state.value for state in states] or None,
        "words": words,
    }
    return await _many(connection, "page", values)


async def part(connection: Connection, account_id: int, *, offset: int, limit: int) -> tuple[list[Campaign], int]:
    """Some campaigns from a place in the list, and how many there are."""
    found = await _many(connection, "part", {"account_id": account_id, "offset": offset, "limit": limit})
    row = await (await connection.execute(_SQL["count"], {"account_id": account_id})).fetchone()
    return found, int(row[0]) if row else 0


async def delete(connection: Connection, account_id: int, campaign_id: int) -> bool:
    values = {"account_id": account_id, "campaign_id": campaign_id}
    return (await connection.execute(_SQL["delete"], values)).rowcount == 1


async def undecided(connection: Connection, account_id: int) -> list[tuple[str, Audience]]:
    """Names and audiences of campaigns whose audience is not frozen yet."""
    rows = await (await connection.execute(_SQL["undecided"], {"account_id": account_id})).fetchall()
    return [(name, msgspec.convert(audience, Audience)) for name, audience in rows]


async def move(
    connection: Connection,
    account_id: int,
    campaign_id: int,
    *,
    allowed: Sequence[str],
    state: str,
    scheduled_at: datetime | None = None,
    local_at: datetime | None = None,
    late: Late | None = None,
) -> Campaign | None:
    """None when the campaign was in none of the allowed states. A new time takes the place of the old one."""
    values = {
        "account_id": account_id,
        "campaign_id": campaign_id,
        "allowed": list(allowed),
        "state": state,
        "scheduled_at": scheduled_at,
        "local_at": local_at,
        "late": late.value if late else None,
    }
    return await _one(connection, "move", values)


async def launch(
    connection: Connection,
    account_id: int,
    campaign_id: int,
    *,
    content_id: int,
    languages: Mapping[str, int],
    sender_id: int,
    alternatives: Sequence[Way] = (),
) -> Campaign | None:
    values = {
        "alternatives": Jsonb(msgspec.to_builtins(alternatives)),
        "account_id": account_id,
        "campaign_id": campaign_id,
        "content_id": content_id,
        "languages": Jsonb(dict(languages)),
        "sender_id": sender_id,
    }
    cursor = connection.cursor(row_factory=dict_row)
    statement = sql.SQL(_SQL["launch"]).format(
        meant=_meant(sql.SQL("audience"), sql.SQL("campaigns.account_id"), sql.SQL("campaigns.template_id"))
    )
    row = await (await cursor.execute(statement, values)).fetchone()
    return msgspec.convert(row, Campaign) if row else None


async def insert_launched(
    connection: Connection,
    account_id: int,
    *,
    name: str,
    content_id: int,
    channel: Channel,
    sender_id: int,
    audience: Audience,
) -> Campaign:
    values = {
        "account_id": account_id,
        "name": name,
        "content_id": content_id,
        "channel": channel.value,
        "sender_id": sender_id,
        "audience": Jsonb(msgspec.to_builtins(audience)),
    }
    campaign = await _one(connection, "insert_launched", values)
    assert campaign is not None
    return campaign


async def call_outs(
    connection: Connection, account_id: int, channel: Channel, *, skip: int, limit: int
) -> tuple[list[CallOut], int]:
    """A page of the campaigns of a channel, and how many there are in all."""
    values = {"account_id": account_id, "channel": channel.value, "skip": skip, "limit": limit}
    rows = await (await connection.execute(_SQL["call_outs"], values)).fetchall()
    total = await (await connection.execute(_SQL["count_call_outs"], values)).fetchone()
    found = [
        CallOut(
            name=name,
            audience=msgspec.convert(audience, Audience),
            launched_at=launched_at,
            sent=delivered + failed + uncertain,
            delivered=delivered,
            errors=failed + uncertain,
        )
        for name, audience, launched_at, delivered, failed, uncertain in rows
    ]
    return found, int(total[0]) if total else 0


async def resume(connection: Connection, account_id: int, campaign_id: int, note: str) -> Campaign | None:
    """``note`` is kept of a campaign that paused itself: limits do not hold for it any more."""
    return await _one(connection, "resume", {"account_id": account_id, "campaign_id": campaign_id, "note": note})


class Guarded(NamedTuple):
    """A campaign that may have to pause."""

    account_id: int
    campaign_id: int
    launched_at: datetime
    counts: Counts


async def guarded(connection: Connection) -> list[Guarded]:
    """Campaigns that may have to pause."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["guarded"])).fetchall()
    return [
        Guarded(row["account_id"], row["campaign_id"], row["launched_at"], msgspec.convert(row, Counts)) for row in rows
    ]


async def pause_itself(connection: Connection, campaign_id: int, problem: str) -> bool:
    """False when it was not under way any more."""
    values = {"campaign_id": campaign_id, "problem": problem}
    return (await connection.execute(_SQL["pause_itself"], values)).rowcount == 1


async def due(connection: Connection) -> list[Campaign]:
    return await _many(connection, "due", {})


async def next_to_expand(connection: Connection) -> Campaign | None:
    return await _one(connection, "next_to_expand", {})


async def fail(connection: Connection, campaign_id: int, problem: str) -> None:
    await connection.execute(_SQL["fail"], {"campaign_id": campaign_id, "problem": problem})


# ------------------------------------------------------------------ audience


def _meant(audience: sql.Composable, account: sql.Composable, template: sql.Composable) -> sql.Composed:
    return sql.SQL(_SQL["meant"]).format(audience=audience, account=account, template=template)


async def meant_categories(
    connection: Connection, account_id: int, audience: Audience, template_id: int
) -> tuple[str, ...]:
    """Keys of the categories that a campaign of this template would be for, by the rule that its launch freezes."""
    values = {"account_id": account_id, "template_id": template_id, "audience": Jsonb(msgspec.to_builtins(audience))}
    given = (sql.SQL(one) for one in ("%(audience)s::jsonb", "%(account_id)s", "%(template_id)s::bigint"))
    statement = sql.SQL(_SQL["meant_by"]).format(meant=_meant(*given))
    row = await (await connection.execute(statement, values)).fetchone()
    return tuple(row[0]) if row else ()


class _Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How a channel finds people in the statement `judge`: pieces of SQL."""

    #: Where a contact is reached; NULL: nowhere.
    address: LiteralString
    #: The same as the ledger keeps it.
    kept: LiteralString
    #: Whether the contact wants it.
    state: LiteralString
    #: What has to be joined to know the address.
    joined: LiteralString = ""


#: By channel of consent.
_REACHED: Mapping[Channel, _Reached] = {
    Channel.EMAIL: _Reached(address="c.email", kept="c.email", state="c.email_state"),
    Channel.SMS: _Reached(address="c.phone", kept="c.phone", state="c.sms_state"),
    # The address of a browser is a secret that nobody needs afterwards.
    Channel.WEBPUSH: _Reached(
        address="b.endpoint",
        kept="NULL",
        state="c.push_state",
        joined="""LEFT JOIN LATERAL (
            SELECT h.endpoint FROM push_subscriptions h
            WHERE h.account_id = c.account_id AND h.bucket = c.bucket AND h.contact_id = c.contact_id
              AND NOT EXISTS (SELECT FROM suppressions x WHERE x.account_id = h.account_id AND x.channel = 3
                              AND x.address = h.endpoint AND (x.expires_at IS NULL OR x.expires_at > now()))
            LIMIT 1
        ) AS b ON true""",
    ),
}


def _judged(
    statement: LiteralString, channels: Sequence[Channel], included: Predicate, excluded: Predicate
) -> sql.Composed:
    """A statement over everybody the audience names, judged for channels in order: the first that reaches counts."""
    unreached = [_unreached(place, channel) for place, channel in enumerate(channels)]
    first = unreached[0]
    reason, place = first, sql.Composed([sql.SQL("0")])
    if len(unreached) > 1:
        reached = sql.SQL(" OR ").join(sql.SQL("({}) IS NULL").format(one) for one in unreached)
        reason = sql.SQL("CASE WHEN {} THEN NULL ELSE {} END").format(reached, first)
        whens = (sql.SQL("WHEN ({}) IS NULL THEN {}").format(one, sql.Literal(n)) for n, one in enumerate(unreached))
        place = sql.SQL("CASE {} ELSE 0 END").format(sql.SQL(" ").join(whens))
    judged = sql.SQL(_SQL["judge"]).format(
        included=included.text,
        excluded=excluded.text,
        refusal=REFUSAL,
        kept=sql.SQL(_REACHED[channels[0].consent].kept),
        reason=reason,
        place=place,
        joined=sql.SQL("\n").join(_joined(number, channel) for number, channel in enumerate(channels)),
    )
    return sql.SQL(statement).format(judged=judged)


def _unreached(number: int, channel: Channel) -> sql.Composed:
    reached, route = _REACHED[channel.consent], ROUTES[channel.consent]
    return sql.SQL(_SQL["unreached"]).format(
        address=sql.SQL(reached.address),
        state=sql.SQL(reached.state),
        agreed=sql.Literal(sorted(state.value for state in route.agreed)),
        no_address=sql.Literal(route.lacking.value),
        s=sql.Identifier(f"s{number}"),
    )


def _joined(number: int, channel: Channel) -> sql.Composed:
    reached = _REACHED[channel.consent]
    suppression = sql.SQL(_SQL["suppression"]).format(
        s=sql.Identifier(f"s{number}"),
        channel=sql.Literal(channel.consent.value),
        address=sql.SQL(reached.address),
    )
    return sql.Composed([sql.SQL(reached.joined), sql.SQL("\n"), suppression])


async def count_audience(
    connection: Connection,
    account_id: int,
    channels: Sequence[Channel],
    categories: Sequence[str],
    included: Predicate,
    excluded: Predicate,
) -> dict[str | Channel, int]:
    """How many contacts the audience matches, by reason of exclusion, recipients by the channel that reaches them.

    ``categories`` are what it is meant for.
    """
    values = {
        **included.values,
        **excluded.values,
        "account_id": account_id,
        "category_ids": numbers(await named(connection, account_id, categories)),
        "from_bucket": 0,
        "to_bucket": BUCKETS,
    }
    statement = _judged(_SQL["count_audience"], channels, included, excluded)
    counts: Counter[str | Channel] = Counter()
    for reason, place, count in await (await connection.execute(statement, values, prepare=False)).fetchall():
        counts[channels[place] if reason is None else reason] += count
    return dict(counts)


async def expand(
    connection: Connection,
    campaign: Campaign,
    included: Predicate,
    excluded: Predicate,
    to_bucket: int,
    timing: Timing,
) -> int:
    """Freeze the next buckets of a campaign's audience; returns how many contacts they matched."""
    values = {
        **included.values,
        **excluded.values,
        "account_id": campaign.account_id,
        "campaign_id": campaign.campaign_id,
        "sender_id": campaign.sender_id,
        "sender_ids": [campaign.sender_id, *(way.sender_id for way in campaign.alternatives)],
        "channel": campaign.channel.value,
        # What is reached by the campaign's own channel needs no word about it.
        "channels": [0, *(way.channel.value for way in campaign.alternatives)],
        "content_id": campaign.content_id or 0,
        "launched_at": campaign.launched_at,
        "category_ids": numbers(await named(connection, campaign.account_id, campaign.audience.categories)),
        "from_bucket": campaign.expanded_buckets,
        "to_bucket": to_bucket,
        "chunk": CHUNK,
        "zones": list(timing.zones),
        "due_ats": [moment.due_at for moment in timing.zones.values()],
        "are_late": [moment.is_late for moment in timing.zones.values()],
        "due_at": timing.elsewhere.due_at,
        "is_late": timing.elsewhere.is_late,
    }
    statement = _judged(_SQL["expand"], campaign.channels, included, excluded)
    rows = await (await connection.execute(statement, values, prepare=False)).fetchall()
    senders = {campaign.sender_id, *(way.sender_id for way in campaign.alternatives)}
    await deal_campaign(connection, campaign.campaign_id, senders)
    matched = sum(row[2] for row in rows)
    await connection.execute(
        _SQL["expanded"], {"campaign_id": campaign.campaign_id, "to_bucket": to_bucket, "matched": matched}
    )
    left_out = [(reason, hour, count) for reason, hour, count in rows if reason is not None]
    if left_out:
        excluded_now = Ended(
            account_id=campaign.account_id,
            campaign_id=campaign.campaign_id,
            channel=campaign.channel.value,
            hour=left_out[0][1],
            state=LedgerState.EXCLUDED.value,
        )
        reasons = {(hour, f"excluded.{reason}"): count for reason, hour, count in left_out}
        await _count(connection, {excluded_now: sum(reasons.values())}, more=reasons)
    return matched


async def _count(
    connection: Connection, ended: Mapping[Ended, int], *, more: Mapping[tuple[datetime, str], int] | None = None
) -> None:
    """Count messages of one campaign that ended unsent, or take back those that did not end after all.

    ``more`` are its counters by hour and name that say more of them.
    """
    kinds: Counter[tuple[datetime, str]] = Counter(more or {})
    for key, count in ended.items():
        kinds[key.hour, LedgerState(key.state).name.lower()] += count
    campaign = next(iter(ended))
    await connection.execute(
        _SQL["count_kinds"],
        {
            "account_id": campaign.account_id,
            "campaign_id": campaign.campaign_id,
            "hours": [hour for hour, _ in kinds],
            "kinds": [kind for _, kind in kinds],
            "counts": list(kinds.values()),
        },
    )
    await count_ended(connection, ended, KEEPER_SHARD)


# ------------------------------------------------------------------ the end


async def to_finish(connection: Connection) -> Campaign | None:
    return await _one(connection, "to_finish", {})


async def count_ledger(connection: Connection, campaign: Campaign) -> int:
    """Rows of a campaign in the ledger."""
    values = {
        "account_id": campaign.account_id,
        "launched_at": campaign.launched_at,
        "first": campaign_message_id(campaign.campaign_id, 0),
        "last": campaign_message_id(campaign.campaign_id, _LAST_CONTACT),
    }
    row = await (await connection.execute(_SQL["count_ledger"], values)).fetchone()
    return int(row[0] or 0) if row else 0


async def finish(connection: Connection, campaign_id: int, settled: int) -> bool:
    """False when the ledger's rows are not the audience."""
    values = {"campaign_id": campaign_id, "settled": settled}
    return await (await connection.execute(_SQL["finish"], values)).fetchone() is not None


async def cancel_queue(connection: Connection) -> int:
    """Close what cancelled campaigns still had in the queue and nobody holds; returns how many recipients."""
    closed = 0
    for statement in ("cancel_chunks", "cancel_messages"):
        rows = await (await connection.execute(_SQL[statement])).fetchall()
        by_campaign: defaultdict[int, dict[Ended, int]] = defaultdict(dict)
        for *key, count in sorted(rows):
            ended = Ended(*key)
            by_campaign[ended.campaign_id][ended] = count
            closed += count
        for ended in by_campaign.values():
            await _count(connection, ended)
    return closed


async def retry_failed(connection: Connection, campaign: Campaign) -> int:
    """Put failed recipients into the retry lane; returns how many."""
    cursor = await connection.execute(
        _SQL["retry_failed"],
        {
            "account_id": campaign.account_id,
            "campaign_id": campaign.campaign_id,
            "launched_at": campaign.launched_at,
            "sender_id": campaign.sender_id,
            "content_id": campaign.content_id,
            "alternatives": Jsonb(msgspec.to_builtins(campaign.alternatives)),
        },
    )
    again = {Ended(*key): count for *key, count in await cursor.fetchall()}
    if again:
        await _count(connection, {ended: -count for ended, count in again.items()})
    return sum(again.values())


# ------------------------------------------------------------------ reports


async def queue(connection: Connection, campaign_id: int) -> tuple[int, int, datetime | None]:
    """Recipients not tried yet, those to be tried again, and when the next may go while all must wait for it."""
    row = await (await connection.execute(_SQL["queue"], {"campaign_id": campaign_id})).fetchone()
    return (row[0], row[1], row[2]) if row else (0, 0, None)


async def planned(
    connection: Connection, account_id: int, *, since: datetime, until: datetime, limit: int
) -> list[Campaign]:
    """Campaigns that begin in a period."""
    values = {"account_id": account_id, "since": since, "until": until, "limit": limit}
    return await _many(connection, "planned", values)


async def reasons(connection: Connection, campaign: Campaign, *, limit: int) -> list[OutcomeReason]:
    """Why recipients did not get it, the commonest first."""
    values = {
        "account_id": campaign.account_id,
        "campaign_id": campaign.campaign_id,
        "launched_at": campaign.launched_at,
        "limit": limit,
    }
    rows = await (await connection.execute(_SQL["reasons"], values)).fetchall()
    return [OutcomeReason(state=LedgerState(row[0]).name.lower(), reason=row[1], count=row[2]) for row in rows]


async def link_people(connection: Connection, account_id: int, campaign_id: int) -> dict[int, int]:
    """How many people clicked each link."""
    values = {"account_id": account_id, "campaign_id": campaign_id}
    return dict(await (await connection.execute(_SQL["link_people"], values)).fetchall())


async def ledger_page(
    connection: Connection,
    campaign: Campaign,
    *,
    state: LedgerState | None,
    reason: str = "",
    after: UUID | None,
    limit: int,
) -> list[LedgerRow]:
    """Recipients after a message id (None: from the start)."""
    first = campaign_message_id(campaign.campaign_id, 0)
    values = {
        "account_id": campaign.account_id,
        "launched_at": campaign.launched_at,
        "first": first,
        "last": campaign_message_id(campaign.campaign_id, _LAST_CONTACT),
        "bucket": after.int & 255 if after else -1,
        "after": after or first,
        "state": state.value if state else None,
        "reason": reason,
        "limit": limit,
    }
    cursor = connection.cursor(row_factory=dict_row)
    rows = await (await cursor.execute(_SQL["ledger_page"], values)).fetchall()
    for row in rows:
        row["state"] = LedgerState(row["state"]).name.lower()
    return msgspec.convert(rows, list[LedgerRow])
