"""Values of Velocity that JSON has no word for, and the account's choices."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote


class VelocityError(Exception):
    """A template that cannot be read or rendered; ``line`` is 0 when no line is to blame."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line

    def at(self, line: int) -> VelocityError:
        """The same, with the line when none was known."""
        return self if self.line else VelocityError(self.reason, line)


class Truth(Enum):
    """What ``#if`` takes for false besides a missing value and false itself."""

    #: Nothing: an empty text, 0 and an empty list are true.
    VELOCITY_1 = 1
    #: An empty text, 0, an empty list and an empty map.
    VELOCITY_2 = 2


class Lines(Enum):
    """Which blanks and line breaks around a directive go with it."""

    #: The line break after it, also in the middle of a line; blanks before it stay.
    VELOCITY_1 = 1
    #: The whole line when nothing else stands on it; else none.
    VELOCITY_2 = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """Where Velocity 1.7 and 2 differ, as the account chose."""

    truth: Truth = Truth.VELOCITY_1
    lines: Lines = Lines.VELOCITY_1


class ContactText(str):
    """A text with words of the recipient in it: it is compared as it is, and made safe where it is printed.

    ``parts`` are its pieces, each with whether it is the recipient's; the rest was written by the author or came
    with the message, and is printed as it stands.
    """

    __slots__ = ("parts",)
    parts: tuple[tuple[str, bool], ...]

    def __new__(cls, text: str, parts: tuple[tuple[str, bool], ...] | None = None) -> ContactText:
        made = super().__new__(cls, text)
        made.parts = ((text, True),) if parts is None else parts
        return made

    def in_html(self) -> str:
        """For HTML text and attributes."""
        return "".join([html.escape(text) if personal else text for text, personal in self.parts])


def address(pieces: Iterable[str]) -> str:
    """The address of a link: the recipient's words are encoded, unless it begins with them and they are one."""
    texts: list[str] = []
    begun = False
    for piece in pieces:
        parts = piece.parts if isinstance(piece, ContactText) else ((piece, False),)
        for text, personal in parts:
            texts.append(quote(text, safe="") if personal and begun else text)
            begun = begun or bool(text.strip())
    return "".join(texts)


def joined(pieces: Iterable[str]) -> str:
    """One text; it remembers which pieces are the recipient's."""
    pieces = list(pieces)
    for piece in pieces:
        if type(piece) is ContactText:
            break
    else:
        return "".join(pieces)
    parts: list[tuple[str, bool]] = []
    for piece in pieces:
        parts += piece.parts if isinstance(piece, ContactText) else ((piece, False),)
    return ContactText("".join(pieces), tuple(parts))


class KeySet(list[Any]):
    """What keySet, values and entrySet give: no list, so that it has no get(0)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair of a map."""

    key: Any
    value: Any


class Loop:
    """``$foreach``."""

    __slots__ = ("index", "length", "parent")

    def __init__(self, length: int, parent: Loop | None) -> None:
        self.index = 0
        self.length = length
        self.parent = parent

    @property
    def count(self) -> int:
        return self.index + 1

    @property
    def first(self) -> bool:
        return self.index == 0

    @property
    def last(self) -> bool:
        return self.index + 1 == self.length

    @property
    def has_next(self) -> bool:
        return self.index + 1 < self.length

    @property
    def topmost(self) -> Loop:
        loop = self
        while loop.parent is not None:
            loop = loop.parent
        return loop


class MathTool:
    """``$mathTool``: its methods are in ``math_tool.py``."""

    __slots__ = ()
