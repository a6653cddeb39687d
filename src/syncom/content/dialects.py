"""What the compiler must know of the language of a template's tags.

The compiler reads HTML around tags of our own language. Tags of another dialect travel through it as marks:
``{{@ref 5}}`` prints something, ``{{@dir 6}}`` opens or closes a block or sets a variable; what they stand for is
kept in ``CompiledContent.velocity``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Protocol

from syncom.content import language, markup, merge_tags
from syncom.content.fields import OWN_URLS
from syncom.content.model import Dialect, VelocityTag
from syncom.content.velocity.expressions import SLOT, SLOT_END, SLOT_START
from syncom.content.velocity.model import Rules, VelocityError
from syncom.content.velocity.reader import Kind, Token
from syncom.content.velocity.template import read
from syncom.errors import Invalid

_OPENING = frozenset({Kind.IF, Kind.FOREACH, Kind.MACRO, Kind.DEFINE, Kind.BLOCK, Kind.LITERAL})
_MAX_BRACES = 1_000
_MARK = re.compile(r"\{\{@(?:ref|dir) (\d+)\}\}")
#: Names that stand for the recipient's data in `$data`: a member, or a text between quotes.
_DATA_NAME = re.compile(r"(?<=[.'\"])[A-Z][A-Z0-9_]{1,99}(?:\.[A-Z0-9_]{1,100})?(?=['\"\W]|$)")


class Tags(Protocol):
    """The tags of one template."""

    def translated(self, text: str, part: str) -> str:
        """A part of the template as the compiler takes it. Raises Invalid with the line."""
        ...

    def names(self, text: str) -> frozenset[str]:
        """Merge fields in a piece of a translated part."""
        ...

    def is_whole(self, text: str) -> bool:
        """Whether a piece closes the blocks that it opens, and no other."""
        ...


class OwnTags:
    """Those of our own language."""

    def __init__(self, known_fields: Collection[str], template_name: str) -> None:
        self._known_fields = known_fields
        self._name = template_name

    def translated(self, text: str, part: str) -> str:
        text = merge_tags.translate(language.without_reserved(text), self._known_fields, self._name)
        # Checked while its lines are still those that the author knows.
        language.parse(text, part)
        return text

    def names(self, text: str) -> frozenset[str]:
        return language.parse(text, "html").names if markup.has_tags(text) else frozenset()

    def is_whole(self, text: str) -> bool:
        return True


class ForeignTags:
    """Those of Velocity, or none at all: merge fields and the vendor's special addresses become slots."""

    def __init__(self, dialect: Dialect, rules: Rules, known_fields: Collection[str], template_name: str) -> None:
        self._dialect = dialect
        self._rules = rules
        self._known_fields = known_fields
        self._name = template_name
        self._tokens: list[Token] = []

    def translated(self, text: str, part: str) -> str:
        text = merge_tags.write_own_addresses(language.without_reserved(text), _slot)
        if text.count("{{") > _MAX_BRACES or text.count("{%") > _MAX_BRACES:
            # Each becomes a tag that prints it.
            raise Invalid(part, f"has more than {_MAX_BRACES:,} times two braces")
        if self._dialect is Dialect.PLAIN:
            return "".join(self._plain(text))
        text = merge_tags.write_fields(text, self._known_fields, self._name, _slot)
        try:
            tokens = read(text, self._rules)
        except VelocityError as error:
            raise Invalid(part, str(error)) from None
        macros = {token.name for token in tokens if token.kind is Kind.MACRO}
        return "".join(self._marked(token, macros) for token in tokens)

    def names(self, text: str) -> frozenset[str]:
        tokens = [self._tokens[int(mark[1])] for mark in _MARK.finditer(text)]
        return frozenset(found[1] for token in tokens for found in SLOT.finditer(token.tag) if found[1])

    def is_whole(self, text: str) -> bool:
        depth = 0
        for mark in _MARK.finditer(text):
            kind = self._tokens[int(mark[1])].kind
            depth += 1 if kind in _OPENING else -1 if kind is Kind.END else 0
            if depth < 0 or (depth == 0 and kind in (Kind.ELSE, Kind.ELSEIF)):
                return False
        return depth == 0

    def tags(self) -> tuple[VelocityTag, ...]:
        """All tags, by the numbers of their marks."""
        return tuple(VelocityTag(token.tag, token.line) for token in self._tokens)

    def data_fields(self) -> dict[str, str]:
        """Fields of the contact that may be read as members of `$data`, by the names that are used for them."""
        found: dict[str, str] = {}
        for token in self._tokens:
            for match in _DATA_NAME.finditer(SLOT.sub(r"\2", token.tag)):
                field = merge_tags.known_field(match.group(), self._known_fields)
                if field is not None:
                    found[match.group()] = field
        return found

    def _plain(self, text: str) -> Iterator[str]:
        at = 0
        for found in SLOT.finditer(text):
            yield language.literal(text[at : found.start()])
            line = text.count("\n", 0, found.start()) + 1
            yield self._mark("ref", Token(Kind.SLOT, line, found.group(), found.group()))
            at = found.end()
        yield language.literal(text[at:])

    def _marked(self, token: Token, macros: set[str]) -> str:
        match token.kind:
            case Kind.NOTHING:
                return ""
            case Kind.TEXT:
                return language.literal(token.text)
            case Kind.PRINT | Kind.SLOT:
                return self._mark("ref", token)
            case Kind.CALL if token.name not in macros:
                # A macro that nobody wrote prints its own source.
                return language.literal(token.source)
            case _:
                return self._mark("dir", token)

    def _mark(self, kind: str, token: Token) -> str:
        self._tokens.append(token)
        return f"{{{{@{kind} {len(self._tokens) - 1}}}}}"


def _slot(name: str, fallback: str) -> str:
    return f"{SLOT_START}{name}|{fallback}{SLOT_END}"


def own_urls_in(names: frozenset[str]) -> bool:
    """Whether a link leads to a page of ours, which is never tracked."""
    return not OWN_URLS.isdisjoint(names)
