"""Dates as callers write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from syncom.http.esputnik.method import Refused
from syncom.http.esputnik.moments import read_moment, required_end, required_moment, write_moment

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-08", "2026-03-07T22:00:00+00:00"),
        ("2026-07-08T09:30", "2026-07-08T06:30:00+00:00"),
        ("2026-03-08T09:30:05", "2026-03-08T07:30:05+00:00"),
        (" 2026-03-08T09:30:00Z ", "2026-03-08T09:30:00+00:00"),
        ("2017-05-14T10:11:10.7022176+03:00", "2017-05-14T07:11:10.702217+00:00"),
    ],
)
def test_a_date_without_an_offset_is_in_the_zone_of_the_account(text: str, moment: str) -> None:
    assert read_moment(text, KYIV).isoformat() == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "08.03.2026", "1", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused, match="'date' is not a date such as") as refused:
        required_moment("date", text, KYIV)
    assert refused.value.status == 400


@pytest.mark.parametrize("text", [None, "", " "])
def test_a_missing_date_is_named(text: str | None) -> None:
    with pytest.raises(Refused, match="Required field 'date' is missing"):
        required_moment("date", text, KYIV)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-03-08", "2026-03-08T22:00:00+00:00"),
        # The day on which clocks go forward has 23 hours.
        ("2026-03-29", "2026-03-29T21:00:00+00:00"),
        ("2026-03-08T09:30:05", "2026-03-08T07:30:06+00:00"),
        ("9999-12-31", "9999-12-30T22:00:00+00:00"),
    ],
)
def test_a_period_ends_with_its_last_day_or_second(text: str, end: str) -> None:
    assert required_end("dateTo", text, KYIV).isoformat() == end


def test_dates_are_written_in_the_zone_without_an_offset() -> None:
    assert write_moment(read_moment("2026-07-08T06:30:00Z", KYIV), KYIV) == "2026-07-08T09:30:00"
