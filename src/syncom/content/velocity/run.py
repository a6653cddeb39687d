"""One rendering of a template: its variables, its output, and what it may still spend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

from syncom.content.own import NO_PRODUCTS, Picked
from syncom.content.velocity.model import ContactText, VelocityError, joined

#: Characters that one rendering may touch, over all its parts; each step costs some besides.
BUDGET = 3_000_000
#: Calls of macros, blocks and #evaluate inside one another: Velocity's own limit.
MAX_DEPTH = 20
#: What any step costs.
STEP = 20


class Place(Enum):
    """Where a value is printed."""

    #: Subject and plain text: as it is.
    TEXT = "text"
    HTML = "html"
    #: Into a value or an address, which remember whose words they hold.
    VALUE = "value"


class Scope(Protocol):
    """Variables by name: a dict, or those of a macro (``template.MacroScope``)."""

    def get(self, name: str, /) -> Any: ...

    def __setitem__(self, name: str, value: Any, /) -> None: ...


class Run:
    """State of one rendering."""

    __slots__ = ("depth", "fields", "left", "out", "place", "products", "scope")

    def __init__(
        self,
        scope: Scope,
        place: Place,
        *,
        fields: Mapping[str, Any],
        left: int = BUDGET,
        products: Picked = NO_PRODUCTS,
    ) -> None:
        self.scope = scope
        self.place = place
        #: Merge fields of the recipient, for ``%NAME%``.
        self.fields = fields
        #: What was looked up for ``$products.select(…)``.
        self.products = products
        self.left = left
        self.out: list[str] = []
        self.depth = 0

    def pay(self, cost: int) -> None:
        self.left -= cost + STEP
        if self.left < 0:
            raise VelocityError("the template does too much; make its loops or its values smaller")

    def write(self, text: str) -> None:
        """Print a value, and pay for it."""
        self.left -= len(text)
        if self.left < 0:
            self.pay(0)
        if type(text) is ContactText and self.place is not Place.VALUE:
            text = text.in_html() if self.place is Place.HTML else str(text)
        self.out.append(text)

    def pieces(self, body: Op) -> list[str]:
        """What a body prints, unjoined."""
        out, place = self.out, self.place
        self.out, self.place = [], Place.VALUE
        try:
            body(self)
            return self.out
        finally:
            self.out, self.place = out, place

    def captured(self, body: Op) -> str:
        """What a body prints, as a value."""
        return joined(self.pieces(body))

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise VelocityError(f"macros and blocks call one another deeper than {MAX_DEPTH}")


#: Prints.
Op = Callable[[Run], None]
#: Computes; None is a missing value.
Value = Callable[[Run], Any]


class Break(Exception):
    """``#break``."""


class Stop(Exception):
    """``#stop``."""


class Fragment:
    """A part of a template as a value: ``#define``, and the body of a block macro."""

    __slots__ = ("body", "scope")

    def __init__(self, body: Op, scope: Scope | None = None) -> None:
        self.body = body
        #: Where its names are looked up; None: where it is printed.
        self.scope = scope

    def render(self, run: Run) -> None:
        run.deeper()
        scope = run.scope
        if self.scope is not None:
            run.scope = self.scope
        try:
            self.body(run)
        finally:
            run.scope = scope
            run.depth -= 1
