"""Names in place of the stored numbers of a contact's timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from syncom.activity.model import ActivityKind, HitClass
from syncom.activity.store import LEDGER_STATES
from syncom.contacts.model import Channel, SubscriptionState, TimelineEntry, TimelineKind

_Names = Mapping[str, Callable[[int], str]]


def _channel(number: int) -> str:
    return Channel(number).name.lower()


def _ledger_state(number: int) -> str:
    return LEDGER_STATES[number]


_NAMES: Final[Mapping[TimelineKind, _Names]] = {
    TimelineKind.CONSENT: {"channel": _channel, "state": lambda number: SubscriptionState(number).name.lower()},
    TimelineKind.MESSAGE: {"channel": _channel, "state": _ledger_state},
    TimelineKind.ACTIVITY: {
        "channel": _channel,
        "kind": lambda number: ActivityKind(number).name.lower(),
        "class": lambda number: HitClass(number).name.lower(),
    },
}


def named(entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """The entries as people and programs read them: channel, state, kind and class by name."""
    return [_named(entry) for entry in entries]


def _named(entry: TimelineEntry) -> TimelineEntry:
    names = _NAMES.get(entry.kind, {})
    detail: dict[str, Any] = {
        key: names[key](value) if key in names and value is not None else value for key, value in entry.detail.items()
    }
    return msgspec.structs.replace(entry, detail=detail)
