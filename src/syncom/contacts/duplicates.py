"""Finding contacts that are probably one person: a suggestion, for somebody to look at.

Two walks, one after the other, each in steps along an index: through the addresses, for one that is another one's but
for dots and what follows a plus; and through the names, for people of one name who agree in something else too. A step
is bounded, so a page costs the same in an account of any size; a page may be empty and still have a next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import groupby
from typing import Annotated, Any, Final

import msgspec

from syncom.contacts import store
from syncom.contacts.fields import CustomFields
from syncom.contacts.model import Contact, FieldType
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.contacts", "duplicates.sql")
#: Rows of one step: their names are compared with one another.
STEP: Final = 1000
#: Steps of one page: about a tenth of a second.
MOST_STEPS: Final = 10


class Agreement(Enum):
    """What two contacts have in common."""

    EMAIL = "email"  #: the address, but for dots and what follows a plus
    MAILBOX = "mailbox"  #: the part before the @, of two domains
    NAME = "name"  #: first and last name
    DATE = "date"  #: a custom field of a date: a birthday, say
    ADDRESS = "address"
    POSTCODE = "postcode"
    CITY = "city"


class Walk(Enum):
    """What is looked through now."""

    ADDRESSES = "addresses"
    NAMES = "names"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a walk has come to: behind this address, or behind this name and contact. It comes back from outside."""

    walk: Walk = Walk.ADDRESSES
    #: PostgreSQL's texts have no NUL.
    text: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")] = ""
    contact_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two contacts that are probably one person; ``one`` is the older one."""

    one: Contact
    other: Contact
    agree: tuple[Agreement, ...]


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs, and where to go on; no place: everybody was looked at."""

    pairs: list[Pair]
    next: Place | None


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the walk through the names."""

    name: str
    contact_id: int
    email: str
    #: What it may agree in with others of its name: kind, and the value (for a date with its field).
    facts: tuple[tuple[Agreement, str], ...]


#: Two ids, the smaller one first, and what they agree in.
_Found = tuple[int, int, tuple[Agreement, ...]]


class Duplicates:
    """Contacts of an account that are probably one person."""

    def __init__(self, database: Database, fields: CustomFields) -> None:
        self._database = database
        self._fields = fields

    async def suggest(self, account_id: int, after: Place | None, *, limit: int) -> Suggestions:
        """Pairs behind a place: about ``limit``, as a step is never cut; fewer where nothing is found for long."""
        place: Place | None = after or Place()
        found: list[_Found] = []
        fields = await self._fields.by_key(account_id)
        dates = [str(one.field_id) for one in fields.values() if one.type in (FieldType.DATE, FieldType.DATETIME)]
        # Not as the tenant: below row-level security a condition on lower() is no condition of the index (the function
        # is not leakproof), and each step would read all rows before it. Both statements name the account.
        async with self._database.system() as connection:
            for _ in range(MOST_STEPS):
                if place is None or len(found) >= limit:
                    break
                if place.walk is Walk.ADDRESSES:
                    more, place = await _addresses(connection, account_id, place)
                else:
                    more, place = await _names(connection, account_id, place, dates)
                found += more
        ids = sorted({contact_id for one, other, _ in found for contact_id in (one, other)})
        async with self._database.tenant(account_id) as connection:
            contacts = await store.get_contacts(connection, account_id, ids, fields)
        known = {contact.contact_id: contact for contact in contacts}
        pairs = [
            Pair(one=known[one], other=known[other], agree=agree)
            for one, other, agree in found
            if one in known and other in known
        ]
        return Suggestions(pairs=pairs, next=place)


async def _addresses(connection: Connection, account_id: int, place: Place) -> tuple[list[_Found], Place]:
    values = {"account_id": account_id, "after": place.text, "step": STEP}
    rows = await (await connection.execute(_SQL["addresses"], values)).fetchall()
    found: list[_Found] = [
        (min(one, other), max(one, other), (Agreement.EMAIL,)) for _, one, other in rows if other is not None
    ]
    return found, Place(Walk.ADDRESSES, rows[-1][0]) if len(rows) == STEP else Place(Walk.NAMES)


async def _names(
    connection: Connection, account_id: int, place: Place, dates: Sequence[str]
) -> tuple[list[_Found], Place | None]:
    values = {
        "account_id": account_id,
        "after": place.text,
        "after_id": place.contact_id,
        "dates": list(dates),
        "step": STEP,
    }
    rows = [_named(row) for row in await (await connection.execute(_SQL["names"], values)).fetchall()]
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.name)]
    end: Place | None = None
    if len(rows) == STEP:
        # The last name may go on in the next step; one that fills a whole step is taken in parts.
        if len(groups) > 1:
            groups.pop()
        last = groups[-1][-1]
        end = Place(Walk.NAMES, last.name, last.contact_id)
    return [pair for group in groups for pair in alike(group)], end


def alike(group: Sequence[_Named]) -> Iterator[_Found]:
    """Those of one name who agree in something else too: each with the first who has it, not all with all."""
    first: dict[tuple[Agreement, str], _Named] = {}
    pairs: dict[tuple[int, int], list[Agreement]] = {}
    for row in group:
        for fact in row.facts:
            known = first.setdefault(fact, row)
            if known is not row and not _found_by_address(known, row):
                pairs.setdefault((known.contact_id, row.contact_id), [Agreement.NAME]).append(fact[0])
    for (one, other), agree in pairs.items():
        # Who has the same address has the same part of it.
        told = (what for what in agree if what is not Agreement.MAILBOX or Agreement.EMAIL not in agree)
        yield one, other, tuple(dict.fromkeys(told))


def plain(email: str) -> str:
    """An address without what mailboxes leave out of account: dots, and what follows a plus."""
    local, _, domain = email.partition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _found_by_address(one: _Named, other: _Named) -> bool:
    """Whether the walk through the addresses has this pair already."""
    return one.email != "" and (plain(one.email) == other.email or plain(other.email) == one.email)


def _named(row: Sequence[Any]) -> _Named:
    name, contact_id, email, city, address, postcode, dates = row
    local, _, domain = plain(email).partition("@")
    # Half a name and a town are many people's.
    is_whole = not name.startswith(" ") and not name.endswith(" ")
    town = (postcode, city) if is_whole else ("", "")
    facts = tuple(_facts(local, domain, dates, address, *town))
    return _Named(name=name, contact_id=contact_id, email=email, facts=facts)


def _facts(
    local: str, domain: str, dates: Mapping[str, str], address: str, postcode: str, city: str
) -> Iterator[tuple[Agreement, str]]:
    if local:
        yield Agreement.EMAIL, f"{local}@{domain}"
        yield Agreement.MAILBOX, local
    for field, value in sorted(dates.items()):
        yield Agreement.DATE, f"{field}:{value}"
    for kind, value in ((Agreement.ADDRESS, address), (Agreement.POSTCODE, postcode), (Agreement.CITY, city)):
        if value:
            yield kind, value
