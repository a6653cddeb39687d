"""Values as feeds write them. Pure."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

_NUMBER: Final = re.compile(r"[0-9][0-9 .,'\u00a0\u202f]*")
_GROUPING: Final = re.compile(r"[\s']")
_CODE: Final = re.compile(r"[A-Za-z]{3}")
_ZONE: Final = re.compile(r"([+-]\d\d):?(\d\d)$")
_MARKUP: Final = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>|<!--.{0,5000}?-->", re.DOTALL)
_MARKUP_OF_LINES: Final = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])>", re.IGNORECASE)
_BLANKS: Final = re.compile(r"[ \t\u00a0]+")
_LINES: Final = re.compile(r"\s*\n\s*")
#: Codes that are written and are no more; signs that stand for one.
_CURRENCIES: Final = {
    "RUR": "RUB",
    "BYR": "BYN",
    "ГРН": "UAH",
    "₴": "UAH",
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "ZŁ": "PLN",
}


def money(text: str) -> tuple[Decimal | None, str]:
    """An amount and its currency: ``15.00 USD``, ``1 234,50``, ``EUR 9``. Nothing: None. Raises ValueError."""
    text = text.strip()
    if not text:
        return None, ""
    found = _NUMBER.search(text)
    if found is None or text[: found.start()].strip().endswith("-"):
        raise ValueError(f'"{text[:40]}" is no price; it looks like 15.00 USD')
    sign = (text[: found.start()] + text[found.end() :]).strip(" .")
    try:
        return Decimal(_plain(found.group())), known_currency(sign)
    except InvalidOperation:
        raise ValueError(f'"{text[:40]}" is no price; it looks like 15.00 USD') from None


def _plain(number: str) -> str:
    """With one point at most: the last sign is the decimal mark, unless it can only part thousands."""
    number = _GROUPING.sub("", number).rstrip(".,")
    mark = max(number.rfind(","), number.rfind("."))
    whole, sign, part = number[: max(mark, 0)], number[mark : mark + 1], number[mark + 1 :]
    if mark < 0 or sign in whole or (sign == "," and len(part) == 3 and "." not in whole):
        return number.replace(",", "").replace(".", "")
    return f"{whole.replace(',', '').replace('.', '')}.{part}"


def known_currency(text: str) -> str:
    """A code of three letters, or nothing."""
    text = text.strip().upper().rstrip(".")
    text = _CURRENCIES.get(text, text)
    return text if _CODE.fullmatch(text) else ""


def moment(text: str) -> datetime | None:
    """ISO 8601 as feeds write it: ``2026-11-24T13:00-0800``. Raises ValueError."""
    text = text.strip()
    if not text:
        return None
    found = datetime.fromisoformat(_ZONE.sub(r"\1:\2", text.replace("Z", "+00:00")))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def text_of(text: str) -> str:
    """A description without its HTML."""
    if "<" in text:
        text = _MARKUP.sub("", _MARKUP_OF_LINES.sub("\n", text))
    if "&" in text:
        text = html.unescape(text)
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()
