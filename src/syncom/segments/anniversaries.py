"""Days of the year that lie within the next days, and when a day begins or ends to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache


def days_of_year(today: date, days: int) -> list[int]:
    """Today and the days that follow, as month * 100 + day. In a common year 29 February is kept on the 28th."""
    found: list[int] = []
    for place in range(min(days, 366) + 1):
        try:
            day = today + timedelta(days=place)
        except OverflowError:
            break
        found.append(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).day == 1:
            found.append(229)
    return sorted(set(found))


@lru_cache(maxsize=64)
def turns_of_year(today: date, days: int) -> Mapping[str, str]:
    """By month and day, such as 02-28: the midnight at which an anniversary on it next comes into reach, or goes."""
    now = set(days_of_year(today, days))
    found: dict[int, date] = {}
    every = days_of_year(date(2024, 1, 1), 365)
    for ahead in range(1, 367):
        try:
            day = today + timedelta(days=ahead)
        except OverflowError:
            break
        then = set(days_of_year(day, days))
        for one in every:
            if (one in now) != (one in then):
                found.setdefault(one, day)
    # A 29 February may keep its state for years: looked at again in a year.
    last = today + timedelta(days=366)
    return {f"{one // 100:02}-{one % 100:02}": f"{found.get(one, last).isoformat()}T00:00:00Z" for one in every}
