"""Values of the pulls domain."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from syncom.contacts.model import IdentityKind, MergeMode


class PullKind(Enum):
    """What a pull brings."""

    CONTACTS = "contacts"
    ORDERS = "orders"


class PullInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody wants pulled."""

    name: str
    kind: PullKind
    #: The connection it comes from, by id.
    connection_id: str
    #: Key of the tenant whose connection it is.
    tenant: str = "default"
    #: The action that lists the rows, by key.
    action: str
    #: Its input. Formulas; ``$.since`` is when the last pull that went well began (ISO 8601), null the first time.
    input: dict[str, Any] = {}
    #: Where the rows are in the output: a path such as ``$.customers``; ``$`` is the output itself.
    rows: str = "$"
    #: What becomes of a row: members of a contact or an order, and formulas over ``$.row``. Empty: members with the
    #: same names are taken.
    mapping: dict[str, Any] = {}
    #: By what a contact is recognised.
    key: IdentityKind = IdentityKind.EMAIL
    mode: MergeMode = MergeMode.OVERWRITE
    #: Lists that every contact joins.
    list_ids: tuple[int, ...] = ()
    #: Whether new contacts may be written to: only who agreed to it may.
    subscribed: bool = False
    #: Seconds between pulls; 0: only when somebody asks.
    every: int = 3600


class PullProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why one row was not taken: its place in the output, the member, the reason."""

    row: int
    field: str
    reason: str


class PullResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one pull did."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    #: The first few of the refused.
    problems: list[PullProblem] = []


class Pull(PullInput, frozen=True, kw_only=True):
    """A pull as stored, with how it goes."""

    pull_id: int
    enabled: bool
    created_at: datetime
    #: When the next one is due; None: when somebody asks.
    next_at: datetime | None
    #: When the last one that went well began.
    since: datetime | None
    last_run_at: datetime | None
    #: Record of the last run of the action.
    last_run_id: str | None
    last_result: PullResult | None
    last_error: str | None
    #: In a row.
    failures: int
