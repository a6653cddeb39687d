"""Strikes secrets out of texts that are kept or answered: errors of apps, recorded requests, log lines."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

import msgspec

#: What stands in a secret's place.
STRUCK: Final = "***"
#: Shorter ones would strike out half of every text, and are no secrets.
SHORTEST: Final = 4
#: What a client leaves as it is in an address.
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~[]%"


def strike(text: str, secrets: Iterable[str]) -> str:
    """The text without any of the secrets, also percent-encoded, in base64, or escaped for JSON."""
    for form in _forms(tuple(secrets)):
        if form in text:
            text = text.replace(form, STRUCK)
    return text


def strike_bytes(data: bytes, secrets: Iterable[str]) -> bytes:
    """The same for bytes in any encoding that keeps ASCII."""
    for form in _forms(tuple(secrets)):
        data = data.replace(form.encode("utf-8", "surrogatepass"), STRUCK.encode())
    return data


def strike_all(value: Any, secrets: Iterable[str]) -> Any:
    """The same in every text of a JSON value, names of members included."""
    known = tuple(secrets)
    if isinstance(value, str):
        return strike(value, known)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {strike(name, known): strike_all(member, known) for name, member in members.items()}
    if isinstance(value, list | tuple):
        return [strike_all(member, known) for member in cast("list[Any]", value)]
    return value


def spellings(secret: str) -> set[str]:
    """Every way in which a request or an answer may say a secret: as it is, percent-encoded, in base64, in JSON."""
    raw = secret.encode("utf-8", "surrogatepass")
    escaped = msgspec.json.encode(secret).decode()[1:-1] if secret.isprintable() else secret
    whole = quote(raw, safe="")
    found = {secret, escaped, whole, quote(raw), quote_plus(raw), quote(raw, safe=_PATH_SAFE)}
    if "%" in whole:
        found.add(whole.lower())
    for spell in (b64encode, urlsafe_b64encode):
        spelled = spell(raw).decode()
        found |= {spelled, spelled.rstrip("=")}
    return found


def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    found = {form for secret in secrets if len(secret) >= SHORTEST for form in spellings(secret)}
    return tuple(sorted(found, key=len, reverse=True))
