"""Columns of a batch as text parameters: how rows travel to the server, one row as well as fifty thousand.

Texts are ended by U+001F and NULL is U+001E (normalised values and JSON hold no control characters); numbers
are PostgreSQL array literals. Building these costs a fraction of arrays or JSON made by the driver, and the
server splits them faster than it parses JSON. The end mark leaves one empty element behind, so that a batch
of one empty value is not taken for an empty batch; statements drop it by joining or by ``IS NOT NULL`` on a
number column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from syncom.ids import bucket_of

END: Final = "\x1f"
_NULL: Final = "\x1e"
_TRUTH: Final = ("f", "t")
_encoder = msgspec.json.Encoder()


def texts(values: Iterable[str]) -> str:
    """A text column without NULL."""
    return END.join(values) + END


def nullable(values: Sequence[str | None]) -> str:
    """A text column."""
    return END.join([_NULL if value is None else value for value in values]) + END


def numbers(values: Iterable[int]) -> str:
    """An integer column."""
    return f"{{{','.join(map(str, values))}}}"


def booleans(values: Iterable[bool]) -> str:
    """A boolean column."""
    return f"{{{','.join([_TRUTH[value] for value in values])}}}"


def moments(values: Iterable[datetime | None]) -> str:
    """A column of times."""
    return f"{{{','.join(['NULL' if value is None else value.isoformat() for value in values])}}}"


def json(value: Mapping[str, Any]) -> str:
    """One JSON object."""
    return _encoder.encode(value).decode()


def by_bucket(contact_ids: Iterable[int]) -> list[int]:
    """The order in which every statement takes contacts, so that writers never deadlock."""
    return sorted(contact_ids, key=lambda contact_id: (contact_id & 255, contact_id))


def buckets(contact_ids: Iterable[int]) -> str:
    """The bucket column beside a column of contact ids."""
    return numbers(map(bucket_of, contact_ids))
