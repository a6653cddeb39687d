"""Products that an intent names: "add a row in Google Sheets", "відправ смс через єспутнік", "a deal in hubspt"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from syncom.connect.intents.shelves import Product
from syncom.connect.intents.words import is_ordinary, plain_words

#: Letters of the shortest name, and of the shortest that may be misspelt.
_SHORTEST, _SHORTEST_ALIKE = 3, 4
#: Words of the longest name.
_LONGEST: Final = 4
#: Letters of a name from which one letter may be wrong, and two.
_ONE_WRONG, _TWO_WRONG = 5, 9
#: Consonants that a name in another script must share with the product's.
_CONSONANTS: Final = 4
_JOINING: Final = frozenset(
    """in on at with via using through from to of into inside for у в з із через до від на по с из от en con por de mit
    bei über aus von dans avec sur chez w we z ze przez em no na""".split()  # noqa: SIM905
)
_TRANSLITERATION: Final = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "є": "e", "ж": "j", "з": "z", "и": "i", "і": "i",
        "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
        "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ы": "i", "ь": "", "э": "e",
        "ю": "u", "я": "a",
    }
)  # fmt: skip
_SOUNDS: Final = (
    ("sch", "sh"), ("ck", "k"), ("ph", "f"), ("x", "ks"), ("qu", "kv"), ("w", "v"), ("y", "i"), ("c", "k"), ("z", "s"),
    ("ee", "i"), ("oo", "u"),
)  # fmt: skip


class _Name(NamedTuple):
    """A name of a product, as intents are compared with it."""

    #: Without spaces.
    written: str
    #: Words that it has.
    words: int
    #: It is a word of every day.
    ordinary: bool
    #: How it sounds, and the consonants of that; empty for names that are not Latin.
    sound: str
    bones: str


def find_products(intent: str, products: Sequence[Product]) -> tuple[list[Product], str]:
    """Products that are named, and the intent without their names; the intent as it is when none is.

    A name is taken as it is, misspelt by a letter or two when it is long, or written in Cyrillic as it sounds. A
    product whose name is a word of every day (Forms, Orders) has to be named together with a word such as "in".
    """
    words = plain_words(intent)
    exact: dict[str, list[tuple[Product, _Name]]] = {}
    for product in products:
        for name in _names(product):
            exact.setdefault(name.written, []).append((product, name))
    named: dict[str, Product] = {}
    taken: set[int] = set()
    # Longer names first, so that "google sheets" is not also "google".
    for count in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - count + 1):
            spot = range(start, start + count)
            if taken.intersection(spot):
                continue
            said = "".join(words[start : start + count])
            joined = start > 0 and words[start - 1] in _JOINING
            found = [product for product, name in exact.get(said, ()) if joined or not name.ordinary]
            found = found or _alike(said, count, products)
            if found:
                named |= {product.connector_id: product for product in found}
                taken.update(spot, (start - 1,) if joined else ())
    if not named:
        return [], intent
    rest = " ".join(word for number, word in enumerate(words) if number not in taken)
    return list(named.values()), rest or intent


@lru_cache(maxsize=4096)
def _names(product: Product) -> tuple[_Name, ...]:
    domains = (domain.partition(".")[0] for domain in product.domains)
    found: dict[str, _Name] = {}
    for given in (product.name, product.key, *product.aliases, *domains):
        words = plain_words(given)
        written = "".join(words)
        if len(written) >= _SHORTEST and written not in found:
            sound = _sound(written) if written.isascii() else ""
            found[written] = _Name(written, len(words), is_ordinary(written), sound, _consonants(sound))
    return tuple(found.values())


def _alike(said: str, count: int, products: Sequence[Product]) -> list[Product]:
    """Products whose name this is misspelt, or written in Cyrillic."""
    if len(said) < _SHORTEST_ALIKE or is_ordinary(said):
        return []
    if said.isascii():
        return [product for product in products if any(_misspelt(said, count, name) for name in _names(product))]
    written = said.translate(_TRANSLITERATION)
    if not written.isascii():
        return []
    heard = _sound(written)
    bones = _consonants(heard)
    return [product for product in products if any(_sounds(heard, bones, count, name) for name in _names(product))]


def _misspelt(said: str, count: int, name: _Name) -> bool:
    if name.ordinary or name.words != count or not name.sound or said[0] != name.written[0]:
        return False
    length = len(name.written)
    wrong = 2 if length >= _TWO_WRONG else 1 if length >= _ONE_WRONG else 0
    return wrong > 0 and distance(said, name.written, wrong) <= wrong


def _sounds(heard: str, bones: str, count: int, name: _Name) -> bool:
    if name.ordinary or name.words != count or not name.sound:
        return False
    if heard == name.sound or (len(bones) >= _CONSONANTS and bones == name.bones):
        return True
    return len(name.sound) > _ONE_WRONG and distance(heard, name.sound, 1) <= 1


def _sound(word: str) -> str:
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    return "".join(char for number, char in enumerate(word) if number == 0 or char != word[number - 1])


def _consonants(word: str) -> str:
    return "".join(char for char in word if char not in "aeiouj")


def distance(one: str, other: str, most: int) -> int:
    """Letters to add, drop, change or swap with the neighbour; ``most + 1`` when more are."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for number, char in enumerate(one, start=1):
        earlier, before, row = before, row, [number]
        for at, against in enumerate(other, start=1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (char != against))
            if number > 1 and at > 1 and char == other[at - 2] and one[number - 2] == against:
                cost = min(cost, earlier[at - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
