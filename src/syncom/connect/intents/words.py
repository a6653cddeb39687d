"""Words of a text as they are compared: folded, stemmed, cut into pairs where nobody writes spaces, with meanings.

A stem is light on purpose: it joins the forms of one word and no more. Ukrainian and Russian share one list of endings,
since half of the texts mix them. Chinese and Japanese have no spaces: their words are pairs of neighbouring characters.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple

#: A word of one script, or a run of characters of a script that has no spaces.
_RUN: Final = re.compile(
    r"(?P<cjk>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]+)"
    r"|(?P<word>(?:[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|(?<=\w)'(?=\w))+)"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LATIN: Final = re.compile(r"[a-z]")
_CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
_APOSTROPHES: Final = dict.fromkeys(map(ord, "’ʼ`´‘"), "'") | {ord("ё"): "е", ord("ґ"): "г"}

#: Words that say nothing about which action is meant.
_STOP: Final = frozenset(
    """a an the of to in on at for from by with and or is are be was it its this that these those my me i we our us you
    your can could would should please want need have has had do does will using use via into out up some any what who
    whose there here if as than then so not no yes just about them they he she him her his
    і й та в у на з із зі до від по за для про що який яка яке які це цей ця ці мій моя моє мої мені нам ми я ти ви ви
    його її їх чи або не як треба потрібно хочу будь ласка можна щоб усе все
    и в во на с со к ко от по за для о об про что который которая которые это этот эта эти мой моя мое мои мне нам мы я
    ты вы его ее их ли или не как надо нужно хочу пожалуйста можно чтобы
    el la los las un una de del en con por para y o que se mi me lo al es der die das den dem ein eine einen einem einer
    und oder mit von zu zum zur im ist mir mich bitte le les des du une et ou avec pour dans est mon ma mes je
    w z ze do na i o dla mi jest się proszę chcę um uma os as do da dos das em com por meu minha e""".split()  # noqa: SIM905
)
#: Days, which apps like to be named after.
_DAYS: Final = frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
_ENGLISH: Final = ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "es", "er", "s", "e", "y")
_SLAVIC: Final = tuple(
    sorted(
        """увати ювати ировать овать евать ення ання іння яння ення ение ание ения ания ости ость ості істю істі ість
        ами ями ові еві ого его ому ему ими іми ыми ати яти ити іти ать ять ить еть ться тися тись ться ують юють уют
        ують ете ите іть айте йте ешь иш еш ає яє ує ют уть ють ій ый ий ой ей ая яя ую юю ое ее ые ие их ых ах ях ам ям
        ом ем ім ою ею єю ов ев ів їв ай яй уй юй ть ся сь й ь а я о е є и і ї ы у ю""".split(),  # noqa: SIM905
        key=len,
        reverse=True,
    )
)
#: Words whose stems and meanings are kept: documents of apps repeat theirs.
_KEPT_WORDS: Final = 20_000
#: Letters that a stem keeps.
_KEPT: Final = 3
#: What is done with what, beside the two meanings themselves.
_PAIR_WEIGHT: Final = 0.5
#: Mail addresses, numbers, times.
_DATA: Final = re.compile(r"\S+@\S+|\+?\d[\d.:-]*")
#: Characters of a run of Chinese or Japanese that one meaning has at most.
_LONGEST_CJK: Final = 5


def fold(text: str) -> str:
    """Compatibility forms (NFKC), small letters, one apostrophe; no accents over Latin letters, no controls."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    if folded.isascii():
        return folded.replace("\0", " ")
    decomposed = unicodedata.normalize("NFD", folded)
    kept: list[str] = []
    base = ""
    for char in decomposed:
        if unicodedata.category(char) == "Mn":
            if base and _LATIN.match(base):
                continue
        else:
            base = char
        kept.append(" " if unicodedata.category(char) in ("Cc", "Cs") else char)
    return unicodedata.normalize("NFC", "".join(kept))


def split_key(key: str) -> str:
    """``getContactById``, ``get_contact`` and ``get-contact`` as separate words."""
    return _CAMEL.sub(" ", key).replace("_", " ").replace("-", " ").replace(".", " ").replace("/", " ")


def plain_words(text: str) -> list[str]:
    """Whole words in their order, folded; a run of Chinese or Japanese is one."""
    return [found.group() for found in _RUN.finditer(fold(text))]


def terms(text: str, *, pairs: bool = True) -> dict[str, float]:
    """What a text is compared by, with weights.

    Stems and pairs of characters, meanings (``~delete``), and what is done with what (``~delete~contact``) where one
    line says both; without ``pairs`` not the last, for lists of words. Addresses and numbers are data and no words.
    """
    found: dict[str, float] = {}
    for line in _DATA.sub(" ", fold(text)).split("\n"):
        meanings: set[str] = set()
        for match in _RUN.finditer(line):
            word = match.group()
            if match.lastgroup == "cjk":
                stems = _pairs(word)
                meanings |= _meanings_inside(word)
            else:
                stems = [] if word in _STOP else [stem(word)]
                meanings |= _meanings_of(word)
            for one in stems:
                found[one] = found.get(one, 0) + 1
        for meaning in meanings:
            found[meaning] = found.get(meaning, 0) + 1
        if pairs:
            done = meanings & _lexicon().verbs
            for pair in (verb + thing for verb in done for thing in meanings - done):
                found[pair] = found.get(pair, 0) + _PAIR_WEIGHT
    return found


class _Lexicon(NamedTuple):
    """Whole words, and beginnings of words, with their meanings; and which meanings are things to do."""

    whole: dict[str, frozenset[str]]
    begins: dict[str, frozenset[str]]
    verbs: frozenset[str]


@cache
def _lexicon() -> _Lexicon:
    text = resources.files("syncom.connect.intents").joinpath("concepts.toml").read_text("utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    whole: dict[str, set[str]] = {}
    begins: dict[str, set[str]] = {}
    for table in tables.values():
        for meaning, words in table.items():
            for word in fold(words).split():
                target = begins if word.endswith("*") else whole
                target.setdefault(word.rstrip("*"), set()).add(f"~{meaning}")
    return _Lexicon(
        {word: frozenset(of) for word, of in whole.items()},
        {word: frozenset(of) for word, of in begins.items()},
        frozenset(f"~{meaning}" for meaning in tables["verbs"]),
    )


@lru_cache(maxsize=_KEPT_WORDS)
def _meanings_of(word: str) -> frozenset[str]:
    whole, begins, _ = _lexicon()
    found = set(whole.get(word, ()))
    for end in range(3, len(word) + 1):
        found |= begins.get(word[:end], frozenset())
    return frozenset(found)


def _meanings_inside(run: str) -> frozenset[str]:
    whole = _lexicon().whole
    found: set[str] = set()
    for start in range(len(run)):
        for end in range(start + 1, min(start + _LONGEST_CJK, len(run)) + 1):
            found |= whole.get(run[start:end], frozenset())
    return frozenset(found)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


@lru_cache(maxsize=_KEPT_WORDS)
def stem(word: str) -> str:
    """The part of a folded word that its forms share."""
    word = word.removesuffix("'s").replace("'", "")
    if _CYRILLIC.match(word):
        for ending in ("ся", "сь"):
            if word.endswith(ending) and len(word) - 2 > _KEPT:
                word = word[:-2]
                break
        return _without(word, _SLAVIC)
    if _LATIN.match(word):
        return _without(word, _ENGLISH)
    return word


def _without(word: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= _KEPT:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=8192)
def is_ordinary(word: str) -> bool:
    """Whether a folded word is one that people use of anything, so that it does not have to be a product's name."""
    return (
        word in _STOP
        or word in _DAYS
        or bool(_meanings_of(word))
        or bool(_meanings_inside(word) if not word.isascii() else ())
    )
