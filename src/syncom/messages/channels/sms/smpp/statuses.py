"""What a command_status means: for the text, for the sender, for the next attempt. The table is ``statuses.toml``."""

from __future__ import annotations

import tomllib
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from syncom.clock import Clock
from syncom.messages.channels.carrier import Outcome, Refusal
from syncom.messages.channels.sms.gateway import delay_after
from syncom.messages.channels.sms.smpp.model import SmppAnswer


class Action(Enum):
    """What is done about a status."""

    #: The same text again soon, slower, with no attempt counted.
    THROTTLE = "throttle"
    #: Another attempt later; up to the loop's limit, up to five, once.
    RETRY = "retry"
    RETRY_SOME = "retry_some"
    RETRY_ONCE = "retry_once"
    #: This text has failed.
    FAIL = "fail"
    #: It has failed, and there may be no such number.
    INVALID_NUMBER = "invalid_number"
    #: It is about the sender: it rests, so that nobody else is burnt on it.
    REST_SENDER = "rest_sender"
    #: It is about the bind: it is made anew, and the text was not taken.
    REBIND = "rebind"
    #: We sent what the SMSC does not understand: this text has failed, and the log has its octets.
    DEFECT = "defect"


#: Attempts in all.
_ATTEMPTS: Final = {Action.RETRY_SOME: 5, Action.RETRY_ONCE: 2}
_RETRIED: Final = frozenset((Action.RETRY, Action.RETRY_SOME, Action.RETRY_ONCE))


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    codes: list[int | tuple[int, int]]
    name: str
    action: Action
    reason: str
    source: str

    @property
    def may_pass(self) -> bool:
        """Whether the same text may be taken another time."""
        return self.action in _RETRIED or self.action in (Action.THROTTLE, Action.REBIND)


class _Table(msgspec.Struct, frozen=True):
    status: list[Status]


def status_of(code: int) -> Status:
    """What this command_status means; one that is in no row is temporary, a few times."""
    return _by_code().get(code) or _vendors_own(code)


def judge(outcome: Outcome, answer: SmppAnswer, attempt: int, clock: Clock) -> Refusal:
    """What a refusal means. ``attempt``: how many were made, from 1."""
    if not answer.status:
        return Refusal(try_again=outcome is Outcome.TRANSIENT, delay=delay_after(attempt, clock))
    status = status_of(answer.status)
    return Refusal(
        try_again=status.action in _RETRIED and attempt < _ATTEMPTS.get(status.action, attempt + 1),
        delay=delay_after(attempt, clock),
        of_sender=status.action is Action.REST_SENDER,
        no_such_number=status.action is Action.INVALID_NUMBER,
        reason="The SMSC refuses this sender" if status.action is Action.REST_SENDER else status.reason,
    )


def _vendors_own(code: int) -> Status:
    for row in _table():
        for one in row.codes:
            if isinstance(one, tuple) and one[0] <= code <= one[1]:
                return row
    return _UNKNOWN


_UNKNOWN: Final = Status(
    codes=[], name="unknown", action=Action.RETRY_SOME, reason="an error that no table knows", source=""
)


@lru_cache(maxsize=1)
def _by_code() -> dict[int, Status]:
    return {code: row for row in _table() for code in row.codes if isinstance(code, int)}


@lru_cache(maxsize=1)
def _table() -> list[Status]:
    data = files(__package__ or "").joinpath("statuses.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(data), _Table).status
