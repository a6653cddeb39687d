"""Products that an intent names: "add a row in Google Sheets", "відправ смс через єспутнік", "a deal in hubspt"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from syncom.connect.intents.shelves import Product
from syncom.connect.intents.words import is_ordinary, plain_words

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


def find_products(intent: str, products: Sequence[Product]) -> tuple[list[Product], str]:
    """Products that are named, and the intent without their names; the intent as it is when none is.

    A name is taken as it is, misspelt by a letter or two when it is long, or written in Cyrillic as it sounds. A
    product whose name is a word of every day (Forms, Orders) has to be named together with a word such as "in".
    """
    words = plain_words(intent)
    spots = [
        (start, end) for start in range(len(words)) for end in range(start + 1, min(start + _LONGEST, len(words)) + 1)
    ]
    named: dict[str, Product] = {}
    taken: set[int] = set()
    # Longer names first, so that "google sheets" is not also "google".
    for start, end in sorted(spots, key=lambda spot: spot[0] - spot[1]):
        if taken & set(range(start, end)):
            continue
        said = "".join(words[start:end])
        joined = start > 0 and words[start - 1] in _JOINING
        found = [product for product in products if _names(product, said, alone=end - start == 1, joined=joined)]
        if found:
            named |= {product.connector_id: product for product in found}
            taken |= set(range(start, end))
            if joined:
                taken.add(start - 1)
    if not named:
        return [], intent
    rest = " ".join(word for number, word in enumerate(words) if number not in taken)
    return list(named.values()), rest or intent


def _names(product: Product, said: str, *, alone: bool, joined: bool) -> bool:
    for name in (
        product.name,
        product.key,
        *product.aliases,
        *(domain.partition(".")[0] for domain in product.domains),
    ):
        written = "".join(plain_words(name))
        if len(written) < 3:
            continue
        if is_ordinary(written) and not (joined and said == written):
            continue
        if said == written or _sounds(said, written, alone=alone):
            return True
    return False


def _sounds(said: str, name: str, *, alone: bool) -> bool:
    """Whether a word is the name misspelt, or written in Cyrillic."""
    if not name.isascii() or len(name) < _ONE_WRONG - 1:
        return False
    if said.isascii():
        wrong = 2 if len(name) >= _TWO_WRONG else 1 if len(name) >= _ONE_WRONG else 0
        return bool(wrong) and said[0] == name[0] and not is_ordinary(said) and distance(said, name, wrong) <= wrong
    written = said.translate(_TRANSLITERATION)
    if not written.isascii() or not written or not alone:
        return False
    heard, meant = _sound(written), _sound(name)
    if heard == meant or (len(meant) > _ONE_WRONG and distance(heard, meant, 1) <= 1):
        return True
    bones = _consonants(heard)
    return len(bones) >= _CONSONANTS and bones == _consonants(meant)


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
