"""What a text asks for: to hear no more (STOP), for help (HELP), or to hear again (START). Words: ``keywords.toml``.

People write "Stop.", "STOP please", "arrêt !" and "стоп"; all of them are the keyword (FCC, 47 CFR 64.1200(a)(10):
consent may be revoked by any reasonable means). A text that says more than a keyword and fillers is a message like any
other: "stop by at six" and "don't stop" withdraw nothing.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec


class Keyword(Enum):
    """What is asked for."""

    STOP = "stop"
    HELP = "help"
    START = "start"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword that was found."""

    keyword: Keyword
    #: Of the word; its language may be guessed from it (BCP 47).
    language: str
    #: As it stands in the list.
    word: str


class _Words(msgspec.Struct, frozen=True, kw_only=True):
    """The list, ready to look things up."""

    #: By the folded words of a keyword.
    keywords: Mapping[tuple[str, ...], Asked]
    fillers: frozenset[str]
    longest: int


#: Who leaves says so in a few words; a longer text is a message.
_MOST_WORDS: Final = 8
#: Characters that are looked at: two parts of a long text.
_MOST_CHARACTERS: Final = 320
#: Letters that stay what they are when accents are taken off, and are written without.
_PLAIN: Final = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d"})
#: Of two that are in one text, the one that is obeyed: to stop weighs more than anything.
_WEIGHT: Final = {Keyword.STOP: 0, Keyword.START: 1, Keyword.HELP: 2}


def read_keyword(text: str) -> Asked | None:
    """The keyword that this text is; None: it is a message like any other."""
    found = _read(text[:_MOST_CHARACTERS])
    if found is None and len(lines := text[:_MOST_CHARACTERS].strip().splitlines()) > 1:
        # A signature of the phone stands under the word.
        found = _read(lines[0])
    return found


def _read(text: str) -> Asked | None:
    said = _folded(text)
    if not 0 < len(said) <= _MOST_WORDS:
        return None
    words = _words()
    found: list[Asked] = []
    place = 0
    while place < len(said):
        for length in range(min(words.longest, len(said) - place), 0, -1):
            asked = words.keywords.get(said[place : place + length])
            if asked is not None:
                found.append(asked)
                place += length
                break
        else:
            if said[place] not in words.fillers:
                return None
            place += 1
    return min(found, key=lambda asked: _WEIGHT[asked.keyword], default=None)


def _folded(text: str) -> tuple[str, ...]:
    """The words of a text without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = "".join(_spaced(character) for character in plain.translate(_PLAIN)).split()
    # S T O P
    return ("".join(words),) if len(words) > 2 and all(len(word) == 1 for word in words) else tuple(words)


def _spaced(character: str) -> str:
    if unicodedata.combining(character) or character in "'’`´\u200b\u200d\ufeff":
        return ""
    return character if character.isalnum() else " "


@cache
def _words() -> _Words:
    given: dict[str, Any] = tomllib.loads((files("syncom.inbound_texts") / "keywords.toml").read_text("utf-8"))
    keywords: dict[tuple[str, ...], Asked] = {}
    for row in given["words"]:
        for word in row["words"]:
            asked = Asked(keyword=Keyword(row["kind"]), language=row["language"], word=word)
            # Of a word of several languages the first one counts.
            keywords.setdefault(_folded(word), asked)
    fillers = {part for words in given["fillers"].values() for word in words for part in _folded(word)}
    return _Words(
        keywords=keywords,
        fillers=frozenset(fillers),
        longest=max(map(len, keywords)),
    )
