"""Values of the promo codes domain."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class PromocodeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code to give away, or what is new about one. ``in_use`` takes it out; nothing brings it back."""

    code: str
    #: A word of the account's own, by which codes are taken.
    type: str = ""
    #: Percent, 0 to 99.
    discount: int = 0
    #: None: never.
    expires_at: datetime | None = None
    in_use: bool = False


class Promocode(PromocodeInput, frozen=True, kw_only=True):
    """A code as stored."""

    promocode_id: int
    #: Who got it.
    contact_id: int | None
    taken_at: datetime | None


class PromocodeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which codes. None: any."""

    code: str | None = None
    type: str | None = None
    discount: int | None = None
    in_use: bool | None = None


class Taker(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who gets a code. The same effect gets the same code, however often it is tried."""

    effect_id: UUID
    contact_id: int


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload did."""

    added: int
    updated: int
