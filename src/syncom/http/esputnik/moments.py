"""Dates as eSputnik's callers write them (eSputnik reference, 2.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncom.http.esputnik.method import Call, Refused

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


async def account_zone(call: Call[Any]) -> ZoneInfo:
    """The zone of dates that name none."""
    account = await call.app.accounts.get_account(call.account_id)
    return ZoneInfo(account.time_zone)


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    """A date, or date and time with any part of the clock, in UTC; without an offset it is in this zone.

    Raises ValueError with words that follow the name of the field.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a date such as 2026-03-08 or 2026-03-08T09:30:00+02:00") from None


def required_moment(name: str, text: str | None, zone: ZoneInfo) -> datetime:
    """A member that must be a date. Raises Refused (400)."""
    if not text or not text.strip():
        raise Refused(400, f"Required field '{name}' is missing")
    try:
        return read_moment(text, zone)
    except ValueError as error:
        raise Refused(400, f"'{name}' {error}") from None


def required_end(name: str, text: str | None, zone: ZoneInfo) -> datetime:
    """The moment before which a period ends: a bare day counts to its end, a time is the last second included."""
    moment = required_moment(name, text, zone)
    if text and _DAY.fullmatch(text.strip()):
        try:
            return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC)
        except OverflowError:
            return moment
    return moment + timedelta(seconds=1)


def write_moment(moment: datetime, zone: ZoneInfo) -> str:
    """In this zone and without an offset, as the API writes dates."""
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
