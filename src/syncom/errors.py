"""The errors a domain raises. Each edge translates them once into its own shape.

A message is written for the person who caused the error: what is wrong, and what to do.
"""

from __future__ import annotations


class SyncomError(Exception):
    """Base of every error that is an answer and not a defect."""

    #: Short machine-readable name, stable across releases.
    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FieldError(SyncomError):
    """One wrong field inside an :class:`Invalid`. Not raised alone."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Invalid(SyncomError):
    """The input is wrong. ``field`` is a dotted path into the input, such as ``contacts.3.email``."""

    code = "invalid"

    def __init__(self, field: str, reason: str, *more: FieldError) -> None:
        super().__init__(f"{field}: {reason}")
        self.fields: tuple[FieldError, ...] = (FieldError(field, reason), *more)

    @classmethod
    def of(cls, fields: list[FieldError]) -> Invalid:
        """One error that names several wrong fields."""
        first = fields[0]
        return cls(first.field, first.reason, *fields[1:])


class NotFound(SyncomError):
    """There is no such thing in this account."""

    code = "not_found"

    def __init__(self, what: str, ident: object) -> None:
        super().__init__(f"{what} {ident} was not found")
        self.what = what
        self.ident = ident


class Conflict(SyncomError):
    """The request contradicts what is stored: a taken identity, a wrong state, an edit by somebody else."""

    code = "conflict"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unauthorized(SyncomError):
    """No valid credentials."""

    code = "unauthorized"


class Forbidden(SyncomError):
    """The caller is known and may not do this."""

    code = "forbidden"


class RateLimited(SyncomError):
    """Too many requests; ``retry_after`` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Upstream(SyncomError):
    """Somebody else's server failed: SMTP, a gateway, an app behind a connection."""

    code = "upstream"


class Unavailable(SyncomError):
    """A part of this installation is down for the moment; try again."""

    code = "unavailable"
