"""The statement that works out many segments for some contacts, writes who is where now, and tells who moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import sql

from syncom.segments.compile import Compiler
from syncom.segments.model import OF_LIFE, MoveCause
from syncom.segments.reading import FewContacts

#: Conditions of one statement at most: PostgreSQL plans a thousand of them for seconds.
MAX_CONDITIONS = 250


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A segment whose members are kept."""

    segment_id: int
    condition: dict[str, Any]
    #: Bits of what it mentions (:class:`syncom.segments.model.Facet`).
    facets: int
    #: Whether time alone changes it.
    moves: bool
    #: Whether a workflow waits for who enters or leaves.
    followed: bool = False


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Needs ``contact_ids``, ``now``, ``account_id`` beside its values."""

    text: sql.Composed
    values: dict[str, Any]


_STATEMENT = sql.SQL("""
WITH batch AS MATERIALIZED (
    SELECT (contact_id & 255)::smallint AS bucket, contact_id FROM unnest(%(contact_ids)s::bigint[]) AS g (contact_id)
), found AS MATERIALIZED (
    SELECT * FROM (
        SELECT b.bucket, b.contact_id, c.contact_id IS NOT NULL AS lives, o.contact_id IS NOT NULL AS is_known,
            coalesce(o.segment_ids, '{{}}') AS before, o.due_at AS due_before,
            CASE WHEN c.contact_id IS NULL THEN '{{}}'::bigint[] ELSE {after} END AS after, {due} AS due_at
        FROM batch b
        LEFT JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = b.bucket AND c.contact_id = b.contact_id
        LEFT JOIN contact_segments o ON o.account_id = %(account_id)s AND o.bucket = b.bucket
            AND o.contact_id = b.contact_id
        {joins}
        -- Without this every mention of what was worked out would work it out anew.
        OFFSET 0
    ) AS x
    WHERE NOT lives OR before <> after OR due_at IS DISTINCT FROM due_before
), saved AS (
    INSERT INTO contact_segments AS s (account_id, bucket, contact_id, segment_ids, due_at)
    SELECT %(account_id)s, bucket, contact_id, after, due_at FROM found WHERE lives
    ORDER BY bucket, contact_id
    ON CONFLICT (account_id, bucket, contact_id) DO UPDATE
        SET segment_ids = excluded.segment_ids, due_at = excluded.due_at
), removed AS (
    DELETE FROM contact_segments s USING found f
    WHERE f.is_known AND NOT f.lives AND s.account_id = %(account_id)s AND s.bucket = f.bucket
        AND s.contact_id = f.contact_id
), moves AS MATERIALIZED (
    SELECT contact_id, lives, segment_id, bool_or(entered) AS entered FROM (
        SELECT contact_id, lives, unnest(after) AS segment_id, true AS entered FROM found WHERE before <> after
        UNION ALL
        SELECT contact_id, lives, unnest(before), false FROM found WHERE before <> after
    ) AS u
    GROUP BY contact_id, lives, segment_id
    HAVING count(*) = 1 AND (bool_or(entered) OR segment_id = ANY (%(kept)s::bigint[]))
), recorded AS (
    INSERT INTO segment_moves (account_id, bucket, segment_id, moved_at, cause, entered, left_it)
    SELECT %(account_id)s, segment_id & 255, segment_id, %(now)s, %(cause)s,
        coalesce(array_agg(contact_id) FILTER (WHERE entered), '{{}}'),
        coalesce(array_agg(contact_id) FILTER (WHERE NOT entered), '{{}}')
    FROM moves WHERE lives AND segment_id <> ALL (%(unrecorded)s::bigint[])
    GROUP BY segment_id
), announced AS (
    INSERT INTO followed_moves (account_id, segment_id, contact_id, entered, moved_at)
    SELECT %(account_id)s, segment_id, contact_id, entered, %(now)s FROM moves
    WHERE lives AND segment_id = ANY (%(followed)s::bigint[]) AND segment_id <> ALL (%(unrecorded)s::bigint[])
    ORDER BY contact_id, segment_id, entered
)
SELECT segment_id, count(*) FILTER (WHERE entered), count(*) FILTER (WHERE NOT entered) FROM moves GROUP BY segment_id
""")


_MATCHING = sql.SQL("""
WITH batch AS MATERIALIZED (
    SELECT DISTINCT (contact_id & 255)::smallint AS bucket, contact_id FROM ({source}) AS g (contact_id)
)
SELECT b.contact_id FROM batch b
JOIN contacts c ON c.account_id = %(account_id)s AND c.bucket = b.bucket AND c.contact_id = b.contact_id
{joins}
WHERE {test}
""")


_GIVEN = sql.SQL("SELECT unnest(%(contact_ids)s::bigint[])")


def matching_statement(compiler: Compiler, condition: object, source: sql.Composable = _GIVEN) -> Statement:
    """Which of some contacts match; needs no ``now``. ``compiler`` reads :class:`FewContacts`.

    ``source``: a query of their ids, which may bring values of its own; else they are ``contact_ids``.
    """
    read = compiler.read
    assert isinstance(read, FewContacts)
    test = compiler.compile(condition).text
    text = _MATCHING.format(source=source, joins=read.joins, test=test)
    return Statement(text=text, values=dict(compiler.values))


def statement(
    compiler: Compiler,
    kept: Sequence[Kept],
    chosen: Sequence[Kept],
    *,
    cause: MoveCause,
    unrecorded: Sequence[int],
) -> Statement:
    """Work out ``chosen`` of the account's ``kept`` segments: segment, entered, left. In the others all stay.

    ``compiler`` reads :class:`FewContacts`. Moves of ``unrecorded`` segments are counted and not kept.
    """
    read = compiler.read
    assert isinstance(read, FewContacts)
    members = [
        sql.SQL("CASE WHEN {} THEN {}::bigint END").format(compiler.compile(one.condition).text, one.segment_id)
        for one in sorted(chosen, key=lambda one: one.segment_id)
    ]
    after = sql.SQL("array_remove(ARRAY[{}]::bigint[], NULL)").format(sql.SQL(", ").join(members))
    worked_out = {one.segment_id for one in chosen}
    others = [one.segment_id for one in kept if one.segment_id not in worked_out]
    if others:
        after = sql.SQL(
            "ARRAY(SELECT u FROM unnest({}) AS u UNION ALL SELECT u FROM unnest(o.segment_ids) AS u"
            " WHERE u = ANY (%(others)s::bigint[]) ORDER BY 1)"
        ).format(after)
    turns = list(read.turns(sql.SQL("%(now)s")))
    if any(one.moves and one.segment_id not in worked_out for one in kept):
        # The others' next turn is among those that are known: waking up for nothing does no harm.
        turns.append(sql.SQL("nullif(greatest(o.due_at, %(now)s), %(now)s)"))
    due = sql.SQL("CASE WHEN c.contact_id IS NOT NULL THEN least({}) END").format(sql.SQL(", ").join(turns))
    return Statement(
        text=_STATEMENT.format(
            after=after,
            due=due if turns else sql.SQL("NULL::timestamptz"),
            joins=read.joins,
        ),
        values={
            **compiler.values,
            "others": others,
            "kept": [one.segment_id for one in kept],
            "unrecorded": list(unrecorded),
            # A new definition moves contacts who did nothing.
            "followed": [one.segment_id for one in kept if one.followed and cause in OF_LIFE],
            "cause": cause.code,
        },
    )
