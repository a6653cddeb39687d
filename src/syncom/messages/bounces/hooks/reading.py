"""What the readers of providers' requests share: JSON in limits, times, signatures that do not fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from syncom.errors import Forbidden, Invalid
from syncom.messages.bounces.model import Named, Report, ReportKind, Said
from syncom.messages.bounces.naming import named
from syncom.messages.bounces.reading.evidence import evidence_in
from syncom.messages.bounces.reading.fields import address, line
from syncom.tokens import MessageTokens

Body = TypeVar("Body")


def decoded(body: bytes | str, kind: type[Body]) -> Body:
    """A body of JSON. Raises Invalid."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", f"is not what this provider sends: {line(str(error), 200)}") from None


def unsigned(why: str) -> Forbidden:
    """The request was not made by the provider, or not for this address."""
    return Forbidden(f"the request was refused: {why}")


def moment(value: float | str | None) -> datetime | None:
    """Seconds since 1970, or ISO 8601."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        return None if value is None else datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def names_in(tokens: MessageTokens, text: str, now: datetime) -> tuple[Named, ...]:
    """Messages that headers or a mail in a request name."""
    return named(tokens, evidence_in(text.encode("utf-8", "replace"), ()), now)


def report(
    kind: ReportKind,
    key: str,
    *,
    source: str,
    recipient: str,
    names: tuple[Named, ...],
    at: datetime | None,
    status: str = "",
    words: str = "",
    host: str = "",
    said: Said | None = None,
    proof: dict[str, str] | None = None,
) -> Report:
    """A report of a provider, its texts bounded."""
    return Report(
        kind=kind,
        key=key.encode("utf-8", "replace"),
        source=source,
        recipient=address(recipient),
        named=names,
        is_trusted=True,
        status=line(status, 20),
        words=line(words),
        host=line(host, 253),
        said=said,
        occurred_at=at,
        proof={name: line(value) for name, value in (proof or {}).items() if value},
    )
