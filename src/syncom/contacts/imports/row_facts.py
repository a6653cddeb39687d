"""What a row says of its contact beside the fields: on which lists it is, and what it agreed to, when and where.

The columns go to the targets of ``model.ROW_TARGETS``. This is the reading side, without a database;
:mod:`syncom.contacts.imports.standing` writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from syncom.contacts.imports.guard import unguard
from syncom.contacts.imports.model import CONSENT_AT, CONSENT_SOURCE, LISTS, STATE_TARGETS
from syncom.contacts.model import SubscriptionState
from syncom.contacts.normalise import NAME_LENGTH, normalise_moment, normalise_text

_LISTS_OF_ROW: Final = 50
_SOURCE_LENGTH: Final = 200
_BETWEEN_LISTS = re.compile(r"[;\r\n]+")
#: Clocks of other systems may be ahead.
_AHEAD: Final = timedelta(days=1)

#: Words without blanks and signs, in lower case. Mailchimp's "cleaned" is an address that bounced.
_SUBSCRIBED = """
    subscribed subscribe active confirmed optin optedin yes y true 1 on
    підписаний підписана підписано так подписан подписана подписано да
"""
_UNSUBSCRIBED = """
    unsubscribed unsubscribe optout optedout cleaned no n false 0 off
    відписаний відписана відписано ні отписан отписана отписано нет
"""
_UNCONFIRMED = "unconfirmed pending nonsubscribed notconfirmed непідтверджений неподтвержден"
_WORDS: Final[Mapping[str, SubscriptionState]] = {
    **dict.fromkeys(_SUBSCRIBED.split(), SubscriptionState.SUBSCRIBED),
    **dict.fromkeys(_UNSUBSCRIBED.split(), SubscriptionState.UNSUBSCRIBED),
    **dict.fromkeys(_UNCONFIRMED.split(), SubscriptionState.UNCONFIRMED),
    "none": SubscriptionState.NONE,
}
_NOT_A_LETTER = re.compile(r"[^\w]|_")


class RowFacts(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one row says. ``row`` is its place in the batch, as in PreparedRow."""

    row: int
    #: None: the row says nothing about the channel.
    email: SubscriptionState | None = None
    sms: SubscriptionState | None = None
    at: datetime | None = None
    source: str = ""
    lists: tuple[str, ...] = ()


def state_of(cell: str) -> SubscriptionState | None:
    """The state that a cell's word means; None for a word that means none."""
    return _WORDS.get(_NOT_A_LETTER.sub("", cell.casefold()))


class FactReader:
    """Understands the cells of one file. ``mapping`` has a target for each column; ``moment`` rewrites the file's
    notation of dates into ours."""

    def __init__(self, mapping: Sequence[str], moment: Callable[[str], str] | None) -> None:
        self._places = {target: mapping.index(target) for target in _READERS if target in mapping}
        self._moment = moment

    @property
    def is_needed(self) -> bool:
        return bool(self._places)

    def read(self, row: Sequence[str], number: int) -> RowFacts | tuple[int, str]:
        """The row's facts, or the place of a cell that cannot be understood, and why."""
        values: dict[str, Any] = {}
        for target, place in self._places.items():
            cell = unguard(row[place]).strip()
            if not cell:
                continue
            name, read = _READERS[target]
            try:
                values[name] = read(self._moment(cell) if self._moment and target == CONSENT_AT else cell)
            except ValueError as error:
                return place, str(error)
        return RowFacts(row=number, **values)


def _state(cell: str) -> SubscriptionState:
    state = state_of(cell)
    if state is None:
        raise ValueError("is no state; write subscribed, unsubscribed, unconfirmed or none")
    return state


def _moment(cell: str) -> datetime:
    moment = normalise_moment(cell)
    if moment > datetime.now(UTC) + _AHEAD:
        raise ValueError("is in the future")
    return moment


def _source(cell: str) -> str:
    return normalise_text(cell, _SOURCE_LENGTH)


def _list_names(cell: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for part in _BETWEEN_LISTS.split(cell) if (name := normalise_text(part, NAME_LENGTH)))
    if len(names) > _LISTS_OF_ROW:
        raise ValueError(f"names more than {_LISTS_OF_ROW} lists")
    return tuple(names)


#: Member of RowFacts and how its cell is read, by target.
_READERS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    **{target: (target.removesuffix("_state"), _state) for target in STATE_TARGETS},
    CONSENT_AT: ("at", _moment),
    CONSENT_SOURCE: ("source", _source),
    LISTS: ("lists", _list_names),
}
