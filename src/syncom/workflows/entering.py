"""Letting contacts in, in sets, by the rules of entry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from syncom.postgres.columns import numbers, texts
from syncom.postgres.pool import Connection
from syncom.postgres.sql import load_sql
from syncom.workflows import store
from syncom.workflows.filters import value_at
from syncom.workflows.language import Definition, Entry
from syncom.workflows.model import Arrival, Candidate, EnrolmentState
from syncom.workflows.passing import Ways, count_ways

_SQL = load_sql("syncom.workflows", "entering.sql")
_AGAIN: Final = {"always": 0, "never": 1, "after": 2}
_KEY_LENGTH: Final = 200
#: Advisory locks of workflows with rules: this number plus the workflow's.
_LOCKS: Final = 0x7765 << 40


async def let_in(connection: Connection, candidates: Sequence[Candidate], *, now: datetime) -> int:
    """Let contacts into the newest versions of workflows that are active; how many came in.

    The same cause lets its contact in once. Of several causes of one contact the rules see the earlier ones.
    """
    if not candidates:
        return 0
    known = await store.newest(connection, sorted({one.workflow_id for one in candidates}))
    ruled = sorted(workflow_id for workflow_id, (_, one) in known.items() if has_rules(one))
    if ruled:
        await connection.execute(_SQL["lock_entries"], {"locks": numbers(_LOCKS + one for one in ruled)})
    ways: Ways = Counter()
    entered = 0
    for wave in _waves(one for one in candidates if one.workflow_id in known):
        for row in await _enter(connection, wave, known, now):
            account_id, workflow_id, version, state, count = row
            entered += count
            if state == EnrolmentState.WAITING:
                ways[account_id, workflow_id, version, Arrival.OUTSIDE, 0] += count
    await count_ways(connection, ways, 0)
    return entered


def has_rules(definition: Definition) -> bool:
    """Whether what came before decides who comes in."""
    entry = definition.rules.entry
    return entry.again != "always" or entry.one_active


def _waves(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """In their order, so that of each workflow no contact is twice in one."""
    waves: list[list[Candidate]] = []
    seen: defaultdict[tuple[int, int], int] = defaultdict(int)
    for one in candidates:
        place = seen[one.workflow_id, one.contact_id]
        seen[one.workflow_id, one.contact_id] += 1
        if place == len(waves):
            waves.append([])
        waves[place].append(one)
    return waves


async def _enter(
    connection: Connection, wave: Sequence[Candidate], known: store.Newest, now: datetime
) -> Sequence[tuple[int, int, int, int, int]]:
    rules = {workflow_id: definition.rules for workflow_id, (_, definition) in known.items()}
    values = {
        "now": now,
        "account_ids": numbers(one.account_id for one in wave),
        "workflow_ids": numbers(one.workflow_id for one in wave),
        "versions": numbers(known[one.workflow_id][0] for one in wave),
        "contact_ids": numbers(one.contact_id for one in wave),
        "event_ids": [one.event_id for one in wave],
        "moments": [min(one.at, now) if one.at else now for one in wave],
        "params": texts(msgspec.json.encode(one.params).decode() for one in wave),
        "keys": texts(key_of(one.params, rules[one.workflow_id].entry) for one in wave),
        "again": numbers(_AGAIN[rules[one.workflow_id].entry.again] for one in wave),
        "days": numbers(rules[one.workflow_id].entry.days for one in wave),
        "one_active": [rules[one.workflow_id].entry.one_active for one in wave],
        "chains": numbers(one.chain for one in wave),
        "holdouts": numbers(rules[one.workflow_id].holdout for one in wave),
    }
    entered = await (await connection.execute(_SQL["enrol"], values)).fetchall()
    if any(state == EnrolmentState.HELD_OUT for _, _, _, state, _ in entered):
        await connection.execute(_SQL["note_held_out"], values)
    return entered


def key_of(params: Mapping[str, Any], entry: Entry) -> str:
    """The value for which the rules of entry hold on their own; empty: for the contact."""
    if not entry.key:
        return ""
    value = value_at(params, entry.key)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(letter for letter in text if letter.isprintable())[:_KEY_LENGTH]
