"""Whom an event is about: contact identifiers among its parameters (eSputnik reference, 5.7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

from syncom.contacts.model import IdentityKind
from syncom.contacts.normalise import normalise_email, normalise_phone, normalise_text


class Naming(IntEnum):
    """Ways in which a parameter names a contact, the surest first: that one is believed when they differ."""

    CONTACT_ID = 0
    EXTERNAL_ID = 1
    CONTACT_KEY = 2
    EMAIL = 3
    PHONE = 4
    PUSH_TOKEN = 5


class Named(NamedTuple):
    """A contact as a parameter names it."""

    naming: Naming
    #: In the form identities are stored in.
    value: str


#: Parameters' names in lower case: they are told apart by nothing else.
_NAMES: Final[Mapping[str, Naming]] = {
    "contactid": Naming.CONTACT_ID,
    "contact_id": Naming.CONTACT_ID,
    "externalcustomerid": Naming.EXTERNAL_ID,
    "contactkey": Naming.CONTACT_KEY,
    "contact_key": Naming.CONTACT_KEY,
    "email": Naming.EMAIL,
    "emailaddress": Naming.EMAIL,
    "useremail": Naming.EMAIL,
    "contactemail": Naming.EMAIL,
    "phone": Naming.PHONE,
    "sms": Naming.PHONE,
    "phonenumber": Naming.PHONE,
    "pushtoken": Naming.PUSH_TOKEN,
}
#: Kinds of stored identities.
KINDS: Final[Mapping[Naming, IdentityKind]] = {
    Naming.EXTERNAL_ID: IdentityKind.EXTERNAL_ID,
    Naming.CONTACT_KEY: IdentityKind.CONTACT_KEY,
    Naming.EMAIL: IdentityKind.EMAIL,
    Naming.PHONE: IdentityKind.PHONE,
    Naming.PUSH_TOKEN: IdentityKind.PUSH_TOKEN,
}
#: Where an event without a key takes one from, in this order.
_KEYS: Final = (Naming.CONTACT_ID, Naming.EXTERNAL_ID, Naming.EMAIL, Naming.PHONE, Naming.PUSH_TOKEN)
#: Characters of a value that may name somebody.
VALUE_LIMIT: Final = 300
_MAX_ID: Final = 2**63 - 1


def is_name(parameter: str) -> bool:
    """Whether a parameter of this name says whom an event is about."""
    return parameter.lower() in _NAMES


def named_contacts(params: Mapping[str, Any]) -> list[Named]:
    """Whom the parameters name, the surest first. Values that can be nobody's are left out.

    Raises ValueError naming a parameter with more characters than anybody's name has.
    """
    found: list[Named] = []
    for name, value in params.items():
        naming = _NAMES.get(name.lower())
        if naming is None:
            continue
        text = _text(value)
        if len(text) > VALUE_LIMIT:
            raise ValueError(name)
        stored = _stored(naming, text)
        if stored is not None:
            found.append(Named(naming, stored))
    if len(found) > 1:
        found.sort(key=_naming)
    return found


def key_of(params: Mapping[str, Any]) -> str | None:
    """The key of an event that was sent without one: the first identifier, as it was written."""
    written: dict[Naming, str] = {}
    for name, value in params.items():
        naming = _NAMES.get(name.lower())
        text = _text(value)
        if naming is not None and text and naming not in written:
            written[naming] = text
    return next((written[naming] for naming in _KEYS if naming in written), None)


def _naming(named: Named) -> Naming:
    return named.naming


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_ID:
        return str(value)
    return ""


def _stored(naming: Naming, text: str) -> str | None:
    if not text:
        return None
    try:
        if naming is Naming.EMAIL:
            return normalise_email(text)
        if naming is Naming.PHONE:
            return normalise_phone(text) if text[0] == "+" else normalise_phone("+" + text)
        if naming is Naming.CONTACT_ID:
            return text if text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= _MAX_ID else None
        return normalise_text(text, VALUE_LIMIT) or None
    except ValueError:
        return None
