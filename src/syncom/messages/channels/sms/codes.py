"""What the codes of SMS providers mean: rows of ``codes.toml``, each with its source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.resources import files

import msgspec


class Action(Enum):
    """What is done about a code."""

    #: This message is tried again later.
    RETRY = "retry"
    #: So is it, and everything else of the sender waits a while.
    SLOW_DOWN = "slow_down"
    #: The sender rests and its owner is told: everything else would fail for the same reason.
    PAUSE_SENDER = "pause_sender"
    #: There is no such number.
    INVALID_NUMBER = "invalid_number"
    #: Whoever has the number told the provider that they want no more; START lifts it.
    OPTED_OUT = "opted_out"
    FAIL = "fail"


class Provider(Enum):
    """Whose codes they are."""

    TWILIO = "twilio"
    VONAGE = "vonage"


class Origin(Enum):
    """Where a code stands."""

    ANSWER = "answer"
    RECEIPT = "receipt"


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What some codes of a provider mean."""

    provider: Provider
    codes: tuple[str, ...]
    action: Action
    #: For people.
    reason: str
    #: Where the meaning is from.
    source: str
    #: None: both; of Vonage, whose receipts have numbers of their own, answers.
    origin: Origin | None = None


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    code: tuple[Code, ...]


def meaning(provider: Provider, origin: Origin, code: str) -> Code | None:
    """The row of this code; None: it is not in the table."""
    return _rows().get((provider, origin, code.strip()))


@cache
def all_codes() -> tuple[Code, ...]:
    """The whole table."""
    return msgspec.convert(
        tomllib.loads((files("syncom.messages.channels.sms") / "codes.toml").read_text("utf-8")), _Table
    ).code


@cache
def _rows() -> Mapping[tuple[Provider, Origin, str], Code]:
    found: dict[tuple[Provider, Origin, str], Code] = {}
    for row in all_codes():
        # Vonage has one set of numbers in answers and another in receipts; Twilio's are the same everywhere.
        origins = (row.origin,) if row.origin is not None else _origins(row.provider)
        for origin in origins:
            for code in row.codes:
                found[row.provider, origin, code] = row
    return found


def _origins(provider: Provider) -> tuple[Origin, ...]:
    return (Origin.ANSWER,) if provider is Provider.VONAGE else tuple(Origin)
