"""What a batch of rows means for the contacts that exist: pure, from what was read to what is to be written.

Rows are taken in order, each seeing what the rows before it did, so a batch means the same as its rows one by
one; rows of one contact fold into one write. Reading, planning and writing happen in one transaction; what
another transaction changed in between is found by the guards of the writing statements, and the batch is
planned again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from syncom.contacts.model import (
    Channel,
    IdentityKind,
    MergeMode,
    PreparedRow,
    RowProblem,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.prepare import IDENTITY_PLACES, STANDARD, recognised_by

#: Kind of each identity place: what comes first in STANDARD.
KINDS: Final = tuple(int(kind) for kind in IDENTITY_PLACES)
_PLACES: Final = len(KINDS)
_EMAIL: Final = IDENTITY_PLACES[IdentityKind.EMAIL]
_PHONE: Final = IDENTITY_PLACES[IdentityKind.PHONE]
_EXTERNAL_ID: Final = IDENTITY_PLACES[IdentityKind.EXTERNAL_ID]
#: Identities that may move from one contact to another.
_MOVABLE: Final = tuple(place for place in range(_PLACES) if place != _EXTERNAL_ID)
_UNTOUCHED: Final = (None,) * (len(STANDARD) - _PLACES)
_NAMES: Final = ("email", "phone", "external id", "contact key")

#: Contact ids by value, for each identity place.
Owners = tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, int]]


class Known(NamedTuple):
    """What planning needs of a stored contact: its primary identities and its states."""

    identities: tuple[str | None, ...]
    email_state: int
    sms_state: int


class Target:
    """One contact the batch writes, with what its rows said so far."""

    __slots__ = ("contact_id", "fields", "give_email", "give_sms", "identities", "known", "values")

    def __init__(self, contact_id: int, known: Known | None) -> None:
        self.contact_id = contact_id
        #: None: the contact is new.
        self.known = known
        self.identities: list[str | None] = list(known.identities) if known else [None] * _PLACES
        #: The members behind the identities; None: no row named it.
        self.values: tuple[str | None, ...] = ()
        self.fields: dict[str, Any] | None = None
        #: Whether a row brought an address for the channel.
        self.give_email = False
        self.give_sms = False


class MovedIdentity(NamedTuple):
    """A known identity that goes from one contact to another, or away (``to`` is None).

    ``to`` the same contact: a further address becomes the primary one, and has to be its own still.
    """

    kind: int
    value: str
    owner: int
    to: int | None


class Plan(msgspec.Struct, kw_only=True):
    """What is to be written, and which row led to which contact."""

    #: One for each prepared row: the contact, None for a refused row.
    contact_ids: list[int | None]
    problems: list[RowProblem]
    new: list[Target]
    known: list[Target]
    #: (kind, value, contact id), sorted: every writer claims in this order, so no two wait for each other.
    claimed: list[tuple[int, str, int]]
    moved: list[MovedIdentity]
    #: Contacts that took an address over whose owner had refused its channel.
    refused: set[tuple[int, Channel]]


def wanted_identities(rows: Sequence[PreparedRow]) -> tuple[list[int], list[str]]:
    """Every identity the rows name, once, in order: kinds and values."""
    kinds: list[int] = []
    values: list[str] = []
    for place in range(_PLACES):
        wanted = {value for row in rows if (value := row.values[place])}
        if place == _EMAIL:
            wanted.update(value for row in rows for value in row.emails)
        elif place == _PHONE:
            wanted.update(value for row in rows for value in row.phones)
        kinds += [KINDS[place]] * len(wanted)
        values += sorted(wanted)
    return kinds, values


def plan_batch(
    rows: Sequence[PreparedRow],
    *,
    owners: Owners,
    known: Mapping[int, Known],
    options: UpsertOptions,
    new_ids: Iterator[int],
    contact_id: int | None = None,
) -> Plan:
    """Decide what the rows do. ``owners`` is changed on the way.

    ``new_ids`` gives ids of new contacts, at least as many as rows may be of unknown ones. With ``contact_id`` every
    row is about that contact, whatever its identities say.
    """
    planner = _Planner(owners, known, options)
    keys = recognised_by(options)
    contact_ids: list[int | None] = []
    problems: list[RowProblem] = []
    for given in rows:
        about = contact_id if contact_id is not None else given.contact_id
        owner, key = (about, -1) if about else planner.recognise(given, keys)
        row = planner.without_taken(given, owner) if options.fallback_keys and not options.take_over else given
        problem = planner.stranger(row) or planner.conflict(row, owner)
        if problem is not None:
            problems.append(problem)
            contact_ids.append(None)
            continue
        if owner is None:
            owner = next(new_ids)
            planner.take_over(row, owner)
            target = planner.create(row, owner)
        else:
            target = planner.target(owner)
            planner.take_over(row, owner, target)
            planner.apply(row, target, key)
        contact_ids.append(target.contact_id)
    claimed, moved = planner.identity_changes()
    return Plan(
        contact_ids=contact_ids,
        problems=problems,
        new=[target for target in planner.targets.values() if target.known is None],
        known=[target for target in planner.targets.values() if target.known is not None],
        claimed=claimed,
        moved=moved,
        refused=planner.refused,
    )


class _Planner:
    """The state of the account as the rows before left it."""

    def __init__(self, owners: Owners, known: Mapping[int, Known], options: UpsertOptions) -> None:
        self.targets: dict[int, Target] = {}
        self._owners = owners
        self._known = known
        self._overwrite = options.mode is MergeMode.OVERWRITE
        self._several = bool(options.fallback_keys)
        self._takes_over = options.take_over
        self._kept = frozenset(IDENTITY_PLACES[kind] for kind in options.keep)
        self.refused: set[tuple[int, Channel]] = set()
        #: Stored owner of every identity that was claimed or released on the way.
        self._before: tuple[dict[str, int | None], ...] = ({}, {}, {}, {})
        #: Further addresses that became primary, by place. Another batch may free one after it was read.
        self._promoted: tuple[set[str], ...] = (set(), set(), set(), set())

    def recognise(self, row: PreparedRow, keys: tuple[int, ...]) -> tuple[int | None, int]:
        """The contact that the first known key leads to, and the place of that key."""
        external_id = row.values[_EXTERNAL_ID] if self._takes_over else None
        for key in keys:
            owner = self._owners[key].get(row.values[key] or "")
            if owner is None or (external_id and key != _EXTERNAL_ID and self._has_other_id(owner, external_id)):
                continue
            return owner, key
        return None, keys[0]

    def _has_other_id(self, owner: int, external_id: str) -> bool:
        target = self.targets.get(owner)
        known = target.identities if target is not None else self._known[owner].identities
        return known[_EXTERNAL_ID] not in (None, external_id)

    def stranger(self, row: PreparedRow) -> RowProblem | None:
        """A row about a contact that does not exist (any more)."""
        if row.contact_id and row.contact_id not in self._known:
            return RowProblem(index=row.row, field="id", reason=f"Contact with id='{row.contact_id}' not found")
        return None

    def take_over(self, row: PreparedRow, contact_id: int, target: Target | None = None) -> None:
        """Release what the row names from the contacts that have it, for the one it is about."""
        if not self._takes_over:
            return
        keeps = {place for place in self._kept if target is not None and target.identities[place] is not None}
        named = [(place, value) for place in _MOVABLE if (value := row.values[place]) and place not in keeps]
        named += [(_EMAIL, value) for value in row.emails]
        named += [(_PHONE, value) for value in row.phones]
        for place, value in named:
            owner = self._owners[place].get(value, contact_id)
            if owner == contact_id:
                continue
            other = self.target(owner)
            if other.known is not None:
                self._before[place].setdefault(value, owner)
                self._keep_refusal(place, other.known, contact_id)
            other.values = other.values or _UNTOUCHED
            if other.identities[place] == value:
                other.identities[place] = None
            del self._owners[place][value]

    def _keep_refusal(self, place: int, known: Known, contact_id: int) -> None:
        for taken, state, channel in (
            (_EMAIL, known.email_state, Channel.EMAIL),
            (_PHONE, known.sms_state, Channel.SMS),
        ):
            if place == taken and state == SubscriptionState.UNSUBSCRIBED:
                self.refused.add((contact_id, channel))

    def without_taken(self, row: PreparedRow, owner: int | None) -> PreparedRow:
        """The row without the identities that belong to another contact."""
        if self.conflict(row, owner) is None:
            return row
        values = list(row.values)
        for place, owners in enumerate(self._owners):
            if owners.get(values[place] or "", owner) != owner:
                values[place] = None
        emails, phones = self._owners[_EMAIL], self._owners[_PHONE]
        return row._replace(
            values=tuple(values),
            emails=tuple(value for value in row.emails if emails.get(value, owner) == owner),
            phones=tuple(value for value in row.phones if phones.get(value, owner) == owner),
        )

    def conflict(self, row: PreparedRow, owner: int | None) -> RowProblem | None:
        """The first identity of the row that belongs to another contact."""
        values = row.values
        for place, owners in enumerate(self._owners):
            value = values[place]
            if value and owners.get(value, owner) != owner and not (self._takes_over and place != _EXTERNAL_ID):
                return _taken(row.row, STANDARD[place], place, owners[value])
        if (not row.emails and not row.phones) or self._takes_over:
            return None
        for field, place, further in (("emails", _EMAIL, row.emails), ("phones", _PHONE, row.phones)):
            for number, value in enumerate(further):
                other = self._owners[place].get(value, owner)
                if other is not None and other != owner:
                    return _taken(row.row, f"{field}.{number}", place, other)
        return None

    def create(self, row: PreparedRow, contact_id: int) -> Target:
        """A new contact: what :meth:`apply` would do to an empty one, in a third of the time."""
        target = self.targets[contact_id] = Target(contact_id, None)
        values = row.values
        target.identities = [value or None for value in values[:_PLACES]]
        for place, value in enumerate(target.identities):
            if value is not None:
                self._before[place].setdefault(value, None)
                self._owners[place][value] = contact_id
        if row.emails:
            self._add_further(target, _EMAIL, row.emails)
        if row.phones:
            self._add_further(target, _PHONE, row.phones)
        target.give_email = bool(values[_EMAIL] or row.emails)
        target.give_sms = bool(values[_PHONE] or row.phones)
        target.values = values[_PLACES:]
        target.fields = row.fields
        return target

    def target(self, owner: int) -> Target:
        """The contact to write: one of this batch, or a known one."""
        found = self.targets.get(owner)
        if found is None:
            found = self.targets[owner] = Target(owner, self._known[owner])
        return found

    def apply(self, row: PreparedRow, target: Target, key: int) -> None:
        """Fold one row into its contact."""
        values = row.values
        for place in range(_PLACES):
            value = values[place]
            if value is not None and value != target.identities[place]:
                self._set_identity(target, place, value, row, is_key=place == key)
        if row.emails:
            self._add_further(target, _EMAIL, row.emails)
        if row.phones:
            self._add_further(target, _PHONE, row.phones)
        if values[_EMAIL] or row.emails:
            target.give_email = True
        if values[_PHONE] or row.phones:
            target.give_sms = True
        rest = values[_PLACES:]
        target.values = self._fold(target.values, rest) if target.values else rest
        if row.fields is not None:
            self._fold_fields(target, row.fields)

    def _set_identity(self, target: Target, place: int, value: str, row: PreparedRow, *, is_key: bool) -> None:
        """Make the value the contact's primary one of its kind; '' clears."""
        old = target.identities[place]
        owner = self._owners[place].get(value)
        if old is not None and (not self._overwrite or place in self._kept):
            # A shop may know one person by several ids. Each leads here, so that the next row with it does too.
            if self._several and place == _EXTERNAL_ID and value and owner is None:
                self._claim(place, value, target.contact_id)
            return
        if is_key and owner == target.contact_id:
            return  # found by a further address: the row names the contact with it, it does not change the primary
        if value:
            if owner is None:
                self._claim(place, value, target.contact_id)
            else:
                self._promoted[place].add(value)
            target.identities[place] = value
        elif old is None:
            return
        else:
            target.identities[place] = None
        kept = row.emails if place == _EMAIL else row.phones if place == _PHONE else ()
        if old is not None and old not in kept:
            self._before[place].setdefault(old, target.contact_id)
            self._owners[place].pop(old, None)  # values nobody named are not in it

    def _add_further(self, target: Target, place: int, values: Sequence[str]) -> None:
        for value in values:
            if value not in self._owners[place]:
                self._claim(place, value, target.contact_id)
            elif target.identities[place] is None:
                self._promoted[place].add(value)
        if target.identities[place] is None:
            target.identities[place] = values[0]

    def _claim(self, place: int, value: str, contact_id: int) -> None:
        self._before[place].setdefault(value, None)
        self._owners[place][value] = contact_id

    def _fold(self, before: tuple[str | None, ...], later: tuple[str | None, ...]) -> tuple[str | None, ...]:
        if self._overwrite:
            return tuple(new if new is not None else old for old, new in zip(before, later, strict=True))
        return tuple(old or new for old, new in zip(before, later, strict=True))

    def _fold_fields(self, target: Target, fields: dict[str, Any]) -> None:
        # A new dict each time: the first one is the row's own.
        if target.fields is None:
            target.fields = fields
        elif self._overwrite:
            target.fields = target.fields | fields
        else:
            filled = {key: value for key, value in target.fields.items() if value is not None}
            target.fields = fields | filled

    def identity_changes(self) -> tuple[list[tuple[int, str, int]], list[MovedIdentity]]:
        """Compare the owners in the end with the stored ones."""
        claimed: list[tuple[int, str, int]] = []
        moved: list[MovedIdentity] = []
        for place, kind in enumerate(KINDS):
            owners = self._owners[place]
            before = self._before[place]
            for value in sorted(before):
                stored, after = before[value], owners.get(value)
                if stored is None:
                    if after is not None:
                        claimed.append((kind, value, after))
                elif after != stored:
                    moved.append(MovedIdentity(kind, value, stored, after))
            for value in self._promoted[place]:
                owner = owners.get(value)
                if owner is not None and before.get(value, owner) == owner:
                    moved.append(MovedIdentity(kind, value, owner, owner))
        moved.sort(key=lambda identity: identity[:2])
        return claimed, moved


def _taken(index: int, field: str, place: int, other: int) -> RowProblem:
    return RowProblem(
        index=index,
        field=field,
        reason=f"this {_NAMES[place]} belongs to contact {other}; merge the two first",
    )


def consent_to_give(state: int, options: UpsertOptions) -> bool:
    """Whether a batch may change this stored state: see UpsertOptions.consent."""
    if options.consent is SubscriptionState.NONE or state == options.consent:
        return False
    return state == SubscriptionState.NONE or options.consent is SubscriptionState.UNSUBSCRIBED
