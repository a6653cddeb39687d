"""Values of a sender of the kind SMPP, and of what an SMSC answers."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.sms.form import MAX_NAMES, check_name
from syncom.messages.channels.sms.smpp.segments import SmscAlphabet

_LONGEST_WORDS: Final = 500
_LONGEST_HOST: Final = 253
#: Octets of fields without their final NUL (SMPP 3.4, 4.1.1 and 4.4.1).
_SYSTEM_ID: Final = 15
_PASSWORD: Final = 8
_SYSTEM_TYPE: Final = 12
_SERVICE_TYPE: Final = 5
MAX_WINDOW: Final = 1000


class BindMode(Enum):
    """Which binds a sending process makes."""

    #: One for both directions.
    TRANSCEIVER = "transceiver"
    #: One for each direction, where the SMSC has no transceivers.
    PAIR = "pair"


class ReceiptIds(Enum):
    """How ids in receipts relate to those in answers: a known difference between SMSCs."""

    #: They are the same texts, but for zeros in front.
    SAME = "same"
    #: Hexadecimal in the answer, decimal in the text of the receipt.
    HEX_THEN_DECIMAL = "hex_then_decimal"
    #: Decimal in the answer, hexadecimal in the text of the receipt.
    DECIMAL_THEN_HEX = "decimal_then_hex"


class SmppBind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SMSC and how it is spoken to. Its password is the sender's."""

    host: str
    port: int = 2775
    tls: bool = False
    system_id: str
    system_type: str = ""
    mode: BindMode = BindMode.TRANSCEIVER
    #: Sender names that may be used; the first one is used when none is named.
    names: tuple[str, ...]
    service_type: str = ""
    #: Type of number and numbering plan; None: by the look of the name, and international for phones.
    source_ton: int | None = None
    source_npi: int | None = None
    dest_ton: int = 1
    dest_npi: int = 1
    #: Whether the express process carries everything, campaigns too, so that there is one bind in all: many operators
    #: allow no second one. False: each sending process makes its own.
    one_process: bool = True
    #: Unanswered submit_sm of one bind at most.
    window: int = 50
    alphabet: SmscAlphabet = SmscAlphabet.GSM
    #: Two octets of reference in the header that joins parts.
    wide_reference: bool = False
    receipt_ids: ReceiptIds = ReceiptIds.SAME
    #: What stands behind ``err:`` in receipts when there is no such number; SMSCs have codes of their own.
    unknown_number_errors: tuple[str, ...] = ("001",)


def check_bind(bind: SmppBind) -> None:
    """Refuse what cannot work. Raises Invalid naming the field."""
    if not 0 < len(bind.host) <= _LONGEST_HOST or not bind.host.isprintable() or " " in bind.host:
        raise Invalid("config.smpp.host", "must name the SMSC's host")
    if not 1 <= bind.port <= 65535:
        raise Invalid("config.smpp.port", "must be 1 to 65535")
    _check_octets("system_id", bind.system_id, 1, _SYSTEM_ID)
    _check_octets("system_type", bind.system_type, 0, _SYSTEM_TYPE)
    _check_octets("service_type", bind.service_type, 0, _SERVICE_TYPE)
    if not 0 < len(bind.names) <= MAX_NAMES:
        raise Invalid("config.smpp.names", f"must have 1 to {MAX_NAMES} sender names")
    for name in bind.names:
        check_name("config.smpp.names", name)
    if not 1 <= bind.window <= MAX_WINDOW:
        raise Invalid("config.smpp.window", f"must be 1 to {MAX_WINDOW}")
    for field in ("source_ton", "source_npi", "dest_ton", "dest_npi"):
        value = getattr(bind, field)
        if value is not None and not 0 <= value <= 255:
            raise Invalid(f"config.smpp.{field}", "must be 0 to 255")
    if len(bind.unknown_number_errors) > MAX_NAMES:
        raise Invalid("config.smpp.unknown_number_errors", f"must have at most {MAX_NAMES} codes")


def check_password(password: str) -> None:
    """Raises Invalid when the field of a bind cannot hold it."""
    if len(password) > _PASSWORD or not password.isascii() or not password.isprintable():
        raise Invalid("password", f"must have at most {_PASSWORD} ASCII characters: SMPP has no room for more")


def _check_octets(field: str, value: str, least: int, most: int) -> None:
    if not least <= len(value) <= most or not value.isascii() or (value and not value.isprintable()):
        raise Invalid(f"config.smpp.{field}", f"must have {least} to {most} ASCII characters")


class SmppAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the SMSC said to a text, or our own words where it was not heard."""

    #: command_status; 0 beside words of our own.
    status: int = 0
    text: str = ""
    #: The SMSC's ids, one for each part, as receipts are looked up by them.
    peer_ids: tuple[str, ...] = ()
    #: Whether the words are ours and the SMSC was not asked.
    local: bool = False

    @property
    def words(self) -> str:
        status = f"0x{self.status:08X} " if self.status else ""
        ids = f"id={','.join(self.peer_ids)} " if self.peer_ids else ""
        return f"{status}{ids}{self.text}".strip()[:_LONGEST_WORDS]
