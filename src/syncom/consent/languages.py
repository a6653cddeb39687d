"""The words that recipients and visitors read, one file for each language (``words/<BCP 47>.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import msgspec

DEFAULT: Final = "en"
#: Characters of an Accept-Language header that are read, and how many languages of it.
_LONGEST_HEADER: Final = 500
_WANTED: Final = 20


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language, by page and by what they are for."""

    #: What the language calls itself.
    language: str
    unsubscribe: Mapping[str, str]
    preferences: Mapping[str, str]
    confirmation: Mapping[str, str]
    mail: Mapping[str, str]
    form: Mapping[str, str]


@cache
def languages() -> Mapping[str, Words]:
    """Every language there is a file for, by its tag in lower case."""
    folder = resources.files("syncom.consent").joinpath("words")
    return {
        file.name.removesuffix(".toml"): msgspec.convert(tomllib.loads(file.read_text("utf-8")), Words)
        for file in sorted(folder.iterdir(), key=lambda one: one.name)
        if file.name.endswith(".toml")
    }


def known(language: str) -> str | None:
    """The tag of the file for a language (BCP 47), or for the language without its region; None: there is none."""
    tag = language.strip().lower().replace("_", "-")
    while tag:
        if tag in languages():
            return tag
        tag = tag.rpartition("-")[0]
    return None


def chosen(*wanted: str) -> str:
    """The first of these languages that there is a file for; English when there is none of them."""
    return next((tag for one in wanted if (tag := known(one)) is not None), DEFAULT)


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4)."""
    found: list[tuple[float, str]] = []
    for part in header[:_LONGEST_HEADER].split(",")[:_WANTED]:
        tag, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality.strip() else 1.0
        except ValueError:
            weight = 0.0
        if tag.strip() and weight > 0:
            found.append((weight, tag.strip()))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]


def words(language: str) -> Words:
    """The words of a language that :func:`chosen` gave."""
    return languages()[language]
