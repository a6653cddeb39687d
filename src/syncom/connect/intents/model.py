"""Values of the search by intent."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from syncom.connect.model import Action

#: Characters of an intent and of a search (membrane-api, 6.1 and 6.7).
MAX_INTENT = 200


class Ranked(NamedTuple):
    """An action that answers an intent, and how well: 0 to 1, comparable within one ranking only."""

    action: Action
    score: float


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """What answers an intent, best first."""

    #: Of the connections or connectors that were asked for; for a whole workspace: of connected apps.
    actions: tuple[Ranked, ...] = ()
    #: Of apps that could be connected. Only when a whole workspace was searched.
    others: tuple[Ranked, ...] = ()
    #: Keys of the products that the intent names: nothing of other products was ranked.
    products: tuple[str, ...] = ()
    #: Meaning took no part, only words did.
    lexical_only: bool = False
    #: Why the answer may be worse than usual; empty: it is not.
    note: str = ""


class ElementType(Enum):
    """What a search by name can find (membrane-api, 5.6)."""

    __hash__ = object.__hash__

    CONNECTOR = "connector"
    CONNECTION = "connection"
    ACTION = "action"


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a search by name found."""

    type: ElementType
    #: Of the connector, connection or action.
    element_id: str
    key: str
    name: str
    description: str = ""
    #: Of its connector.
    logo: str = ""
    connector_id: str
