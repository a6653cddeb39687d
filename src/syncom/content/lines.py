"""Short lines. SMTP carries lines of at most 998 octets (RFC 5321, 4.5.3.1.6); editors write whole mails in one.

A mail with a longer line has to be sent as quoted-printable, which costs ten times the work per recipient and a
third more bytes. So the compiler breaks long lines once, where a line break means nothing: in HTML at blanks between
words and before the end of a tag, in plain text at blanks.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncom.content import markup
from syncom.content.markup import Edit, Kind, Token

#: Octets of a line as compiled. What merge fields and tracked links add has to fit into the rest.
_LINE = 400
#: Plain text is read as it stands.
_TEXT_LINE = 300
#: Elements in which a line break is seen.
_PRESERVING = frozenset({"pre", "textarea", "listing", "xmp", "plaintext", "title", "script"})


def short_html_lines(html: str) -> str:
    """HTML that looks the same, its long lines broken. A single long word or attribute stays as it is."""
    return _broken(html, _places_in_html(html), _LINE) if _has_long_line(html, _LINE) else html


def short_text_lines(text: str) -> str:
    """Plain text with long lines broken at blanks."""
    return _broken(text, _places_in_text(text), _TEXT_LINE) if _has_long_line(text, _TEXT_LINE) else text


def _has_long_line(text: str, limit: int) -> bool:
    return any(len(line.encode()) > limit for line in text.split("\n"))


def _broken(text: str, places: Iterator[Edit], limit: int) -> str:
    """Take a place whenever the line would otherwise pass the limit before the next one."""
    edits: list[Edit] = []
    begin = 0
    last: Edit | None = None
    for place in places:
        newline = text.rfind("\n", begin, place.start)
        if newline >= 0:
            begin, last = newline + 1, None
        if last is not None and len(text[begin : place.start].encode()) > limit:
            edits.append(last)
            begin = last.end
        last = place
    if last is not None and len(text[begin:].partition("\n")[0].encode()) > limit:
        edits.append(last)
    return markup.apply(text, edits)


def _places_in_html(html: str) -> Iterator[Edit]:
    masked = markup.mask(html)
    preserving = 0
    for token in markup.read(html):
        if token.name in _PRESERVING and token.kind in (Kind.START, Kind.END):
            preserving = max(0, preserving + (1 if token.kind is Kind.START else -1))
        if token.kind is Kind.TEXT and not preserving and not token.name:
            yield from _blanks(masked, token.start, token.end)
        elif token.kind in (Kind.START, Kind.END) and masked[token.end - 1] == ">":
            yield _tag_end(masked, token)
        elif token.kind is Kind.TEXT and token.name == "style":
            yield from _rule_ends(masked, token)


def _places_in_text(text: str) -> Iterator[Edit]:
    masked = markup.mask(text)
    yield from _blanks(masked, 0, len(masked))


def _blanks(masked: str, start: int, end: int) -> Iterator[Edit]:
    place = masked.find(" ", start, end)
    while place >= 0:
        yield Edit(place, place + 1, "\n")
        place = masked.find(" ", place + 1, end)


def _tag_end(masked: str, token: Token) -> Edit:
    """Before `>`, or before `/>`, which belongs together."""
    place = token.end - 1
    if masked[place - 1] == "/":
        place -= 1
    return Edit(place, place, "\n")


def _rule_ends(masked: str, token: Token) -> Iterator[Edit]:
    place = masked.find("}", token.start, token.end)
    while place >= 0:
        yield Edit(place + 1, place + 1, "\n")
        place = masked.find("}", place + 1, token.end)
