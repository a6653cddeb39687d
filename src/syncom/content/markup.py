"""HTML read where it stands: tokens with their places in the source, so that edits touch nothing else.

Mail HTML is full of what a parser that builds a tree would repair: tags of our language between table rows, two
`class` attributes in the branches of a condition, Outlook's conditional comments. Nothing here moves or repairs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from syncom.content.language import literal, tags

#: Stands for every character of a template tag while HTML is read, so that no quote or bracket in it counts.
_MASK = "\ue000"
_ATTRIBUTE = re.compile(
    r"[\s/]*(?P<name>[^\s/>=][^\s/>=]*)(?:\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s>]*)))?"
)
_OPENING = re.compile(r"<([a-zA-Z][^\s/>]*)")
_NAME = re.compile(r"[^\s/>]+")
_TAG_END = re.compile(r"[\s/]*>?")
#: Outlook's comments are read as if their content stood in the open: links in them are links.
_CONDITION = re.compile(
    r"<!--\[if[^\]]{0,200}\]>(?:<!-->|-->)?|<!--<!\[endif\]-->|<!\[endif\]-->|<!\[(?:if[^\]]{0,200}|endif)\]>",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"<(?=[a-zA-Z!?]|/[a-zA-Z])")
#: Elements whose content is text up to their own end tag.
_RAW = {
    name: re.compile(rf"</{name}(?=[\s>/])", re.IGNORECASE)
    for name in ("style", "script", "title", "textarea", "xmp", "noembed", "noframes")
}
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    "v:fill", "v:stroke", "o:lock",
})  # fmt: skip


#: More in one tag are a quote that was never closed.
_MAX_ATTRIBUTES = 500


class Kind(Enum):
    START = "start"
    END = "end"
    TEXT = "text"
    COMMENT = "comment"
    #: The opening or the end of a conditional comment.
    CONDITION = "condition"
    DECLARATION = "declaration"


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name`` in lower case; ``start`` and ``end`` are the places of the raw value, without quotes."""

    name: str
    begin: int
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    closed: bool = False

    def attribute(self, name: str) -> Attribute | None:
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


def read(source: str) -> Iterator[Token]:
    """The tokens of a document or fragment, without gaps and in order."""
    masked = mask(source)
    at = text_from = 0
    while found := _ANY_TAG.search(masked, at):
        token = _token(masked, found.start())
        if token is None:
            # Never closed: what follows is text to us, as it is to most clients.
            break
        if text_from < token.start:
            yield Token(Kind.TEXT, text_from, token.start)
        yield token
        at = text_from = token.end
        if token.kind is Kind.START and token.name in _RAW and not token.closed:
            close = _RAW[token.name].search(masked, at)
            at = text_from = close.start() if close else len(masked)
            if token.end < at:
                yield Token(Kind.TEXT, token.end, at, token.name)
    if text_from < len(masked):
        yield Token(Kind.TEXT, text_from, len(masked))


def mask(source: str) -> str:
    """The source with its template tags painted over, character by character."""
    pieces: list[str] = []
    at = 0
    for tag in tags(source):
        pieces += (source[at : tag.start()], _MASK * (tag.end() - tag.start()))
        at = tag.end()
    pieces.append(source[at:])
    return "".join(pieces)


def has_tags(source: str) -> bool:
    return next(tags(source), None) is not None


def unescape(source: str) -> str:
    """Character references of HTML as characters; template tags stay."""
    pieces: list[str] = []
    at = 0
    for tag in tags(source):
        pieces += (literal(html.unescape(source[at : tag.start()])), tag.group())
        at = tag.end()
    pieces.append(literal(html.unescape(source[at:])))
    return "".join(pieces)


def escape(source: str) -> str:
    """A text with template tags as HTML: only what stands outside of the tags is escaped."""
    pieces: list[str] = []
    at = 0
    for tag in tags(source):
        pieces += (html.escape(source[at : tag.start()]), tag.group())
        at = tag.end()
    pieces.append(html.escape(source[at:]))
    return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``start:end`` of the source."""

    start: int
    end: int
    text: str


def apply(source: str, edits: list[Edit]) -> str:
    """The source with all edits made; they do not overlap, and those at one place keep their order."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += (source[at : edit.start], edit.text)
        at = edit.end
    pieces.append(source[at:])
    return "".join(pieces)


def _token(masked: str, place: int) -> Token | None:
    if masked.startswith(("<!", "<?"), place):
        return _declaration(masked, place)
    if masked.startswith("</", place):
        end = masked.find(">", place)
        name = _NAME.match(masked, place + 2)
        if end < 0 or name is None:
            return None
        return Token(Kind.END, place, end + 1, name.group().lower())
    opening = _OPENING.match(masked, place)
    return _start(masked, opening) if opening else None


def _declaration(masked: str, place: int) -> Token:
    condition = _CONDITION.match(masked, place)
    if condition:
        return Token(Kind.CONDITION, place, condition.end())
    if masked.startswith("<!--", place):
        end = masked.find("-->", place + 4)
        return Token(Kind.COMMENT, place, end + 3 if end >= 0 else len(masked))
    end = masked.find(">", place)
    return Token(Kind.DECLARATION, place, end + 1 if end >= 0 else len(masked))


def _start(masked: str, opening: re.Match[str]) -> Token | None:
    attributes: list[Attribute] = []
    at = opening.end()
    while match := _ATTRIBUTE.match(masked, at):
        if len(attributes) == _MAX_ATTRIBUTES:
            return None
        at = match.end()
        name = match["name"].lower()
        begin = match.start("name")
        for group, quote in (("double", '"'), ("single", "'"), ("bare", "")):
            if match[group] is not None:
                attributes.append(Attribute(name, begin, match.start(group), match.end(group), quote))
                break
        else:
            attributes.append(Attribute(name, begin, at, at, ""))
    tail = _TAG_END.match(masked, at)
    end = tail.end() if tail else at
    if not masked.endswith(">", 0, end):
        return None
    closed = masked[end - 2] == "/"
    return Token(Kind.START, opening.start(), end, opening[1].lower(), tuple(attributes), closed)
