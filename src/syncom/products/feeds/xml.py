"""XML of strangers, read once from beginning to end in flat memory.

The parser is expat of the standard library, by its events: no tree grows. What makes XML dangerous is refused or never
done: a document that declares entities is refused where it does so (nothing expands, from within or without), nothing
that it names is fetched, nesting, tags and texts have limits. A DOCTYPE alone is fine: every YML file has one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from syncom.errors import Invalid

#: Bytes handed to the parser at a time.
PIECE: Final = 64 * 1024
_MAX_DEPTH: Final = 30
#: Bytes that one tag, comment or other piece of markup may have: the parser keeps it until it ends.
_MAX_MARKUP: Final = 1024 * 1024
#: Characters and members of one offer; of more, the rest is left out and the offer is refused.
_MAX_TEXT: Final = 500_000
_MAX_MEMBERS: Final = 2_000
#: Names that are remembered: of elements inside a member, and of those that were closed near the root.
_MAX_NAMES: Final = 200
_SHALLOW: Final = 4


@dataclass(slots=True)
class Member:
    """An element right inside an offer. Names are without their prefix."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    #: Texts of the elements inside it.
    inner: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Element:
    """An element that was asked for, whole."""

    name: str
    line: int
    attributes: dict[str, str]
    members: list[Member]
    text: str = ""
    is_too_large: bool = False


class Reader:
    """Gives the elements of some names, wherever they stand, as soon as each is closed."""

    def __init__(self, wanted: Collection[str]) -> None:
        """``wanted``: local names, such as ``offer``."""
        self.root = ""
        self._wanted = frozenset(wanted)
        self._found: list[Element] = []
        self._depth = 0
        self._element: Element | None = None
        self._element_depth = 0
        self._texts: list[str] = []
        self._size = 0
        self._closed: set[str] = set()
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.EntityDeclHandler = self._refuse_entity

    @property
    def closed(self) -> frozenset[str]:
        """Names of the elements near the root, beside the wanted ones, that were closed so far."""
        return frozenset(self._closed)

    def read(self, pieces: Iterable[bytes]) -> Iterator[Element]:
        """The elements of a document. Raises Invalid with the line when it is no XML, or is refused."""
        fed = 0
        for piece in pieces:
            self._feed(piece, is_final=False)
            fed += len(piece)
            if fed - max(0, self._parser.CurrentByteIndex) > _MAX_MARKUP + PIECE:
                raise self._wrong("a tag or a comment is too long")
            yield from self._taken()
        self._feed(b"", is_final=True)
        yield from self._taken()

    def _taken(self) -> list[Element]:
        found, self._found = self._found, []
        return found

    def _feed(self, piece: bytes, *, is_final: bool) -> None:
        try:
            self._parser.Parse(piece, is_final)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise Invalid("file", f"line {error.lineno}: the XML cannot be read: {reason}") from None
        except (LookupError, ValueError) as error:
            # An encoding that is not known, or has several bytes for a character.
            raise self._wrong(f"the XML cannot be read: {error}") from None

    def _wrong(self, reason: str) -> Invalid:
        return Invalid("file", f"line {self._parser.CurrentLineNumber}: {reason}")

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise self._wrong(f"it declares the entity {name[:40]}; a feed has no use for entities of its own")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._wrong(f"elements are nested deeper than {_MAX_DEPTH}")
        name = name.rpartition(":")[2]
        if not self.root:
            self.root = name
        element = self._element
        if element is None:
            if name in self._wanted:
                self._open(name, attributes)
            return
        level = self._depth - self._element_depth
        if level == 1:
            if len(element.members) >= _MAX_MEMBERS:
                element.is_too_large = True
            else:
                element.members.append(Member(name, self._counted(element, attributes)))
        self._texts = []

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._element = Element(name, self._parser.CurrentLineNumber, {}, [])
        self._element_depth = self._depth
        self._size = 0
        self._texts = []
        self._element.attributes = self._counted(self._element, attributes)
        self._parser.CharacterDataHandler = self._text

    def _counted(self, element: Element, attributes: dict[str, str]) -> dict[str, str]:
        self._size += sum(map(len, attributes.values()))
        if self._size <= _MAX_TEXT:
            return attributes
        element.is_too_large = True
        return {}

    def _text(self, text: str) -> None:
        self._size += len(text)
        if self._size <= _MAX_TEXT:
            self._texts.append(text)
        elif self._element is not None:
            self._element.is_too_large = True

    def _end(self, name: str) -> None:
        element = self._element
        if element is None:
            if self._depth <= _SHALLOW and len(self._closed) < _MAX_NAMES:
                self._closed.add(name.rpartition(":")[2])
        else:
            self._close(element, name.rpartition(":")[2])
        self._depth -= 1

    def _close(self, element: Element, name: str) -> None:
        level = self._depth - self._element_depth
        text = "".join(self._texts).strip()
        if level == 0:
            element.text = text
            self._found.append(element)
            self._element = None
            self._parser.CharacterDataHandler = None
        elif level == 1 and element.members:
            element.members[-1].text = text
        elif level == 2 and element.members and len(element.members[-1].inner) < _MAX_NAMES:
            element.members[-1].inner[name] = text
        self._texts = []
