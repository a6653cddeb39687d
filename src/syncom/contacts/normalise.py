"""Every value of a contact in the one form it is stored and compared in. Pure, and quick enough for imports.

Each function takes what a person or a file wrote, trims it, and returns the stored form; a ValueError says in
plain words why a value is refused (the caller adds the field's name). None of them accepts an empty value:
emptiness means "clear" and is decided before.

Control characters are refused everywhere (a CR or LF inside a name is a header injection in waiting); text of
custom fields may hold line breaks and tabs. Limits, in characters: email 254, external id and contact key
255, first and last name, region, city 200, address 500, postcode 20, text fields 5,000, JSON fields 20,000
encoded.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final, NamedTuple

import email_validator
import msgspec
import phonenumbers

from syncom.contacts.model import CustomField, FieldType

#: RFC 5321, 4.5.3.1.3: a path has at most 256 octets, two of them are the angle brackets.
EMAIL_LENGTH: Final = 254
#: RFC 5321, 4.5.3.1.1.
LOCAL_PART_LENGTH: Final = 64
KEY_LENGTH: Final = 255
NAME_LENGTH: Final = 200
ADDRESS_LENGTH: Final = 500
POSTCODE_LENGTH: Final = 20
TEXT_LENGTH: Final = 5_000
JSON_LENGTH: Final = 20_000
#: Numbers beyond it lose digits in every JavaScript client.
NUMBER_LIMIT: Final = 10**15

#: C0, DEL and C1 controls, line and paragraph separators, and halves of surrogate pairs (not encodable).
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_BUT_BREAKS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: What spreadsheets and web pages leave around copied values.
_INVISIBLE = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff"


def normalise_text(value: str, limit: int) -> str:
    """A single line of at most ``limit`` characters, trimmed."""
    if not value.isprintable():
        value = _without_controls(value)
    value = value.strip()
    if len(value) > limit:
        raise ValueError(f"is longer than {limit:,} characters")
    return value


def _without_controls(value: str) -> str:
    """The value without surrounding invisible characters; refused when a control character is inside."""
    value = value.strip(_INVISIBLE)
    if _CONTROL.search(value):
        raise ValueError("contains a line break or another control character")
    return value


# ---------------------------------------------------------------- email

#: Plain ASCII addresses: RFC 5321 dot-string, LDH labels, a top-level domain that is not a number. Already
#: lower-cased. Domains with `xn--` labels take the long way, where the label is decoded and checked.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)


def normalise_email(value: str) -> str:
    """The address as an identity: trimmed, lower-cased, the domain in its ASCII form (IDNA).

    The local part is lower-cased although RFC 5321 leaves its case to the receiver: no mailbox provider tells
    two people apart by it, and people type both. Quoted local parts, comments and address literals are refused.
    """
    lowered = value.strip().lower()
    if (
        _PLAIN_EMAIL.fullmatch(lowered)
        and len(lowered) <= EMAIL_LENGTH
        and lowered.index("@") <= LOCAL_PART_LENGTH
        and "xn--" not in lowered
    ):
        return lowered
    return _unusual_email(value)


def _unusual_email(value: str) -> str:
    """Internationalised addresses, and a clear reason for what is no address at all."""
    value = _without_controls(value)
    if "@" not in value:
        raise ValueError("is not an email address: there is no @ in it")
    try:
        parsed = email_validator.validate_email(
            value, check_deliverability=False, globally_deliverable=False, allow_smtputf8=True
        )
    except email_validator.EmailNotValidError as error:
        raise ValueError(f"is not an email address: {error}") from None
    domain = (parsed.ascii_domain or "").lower()
    if "." not in domain:
        raise ValueError(f"is not an email address: the domain {domain} has no dot in it")
    if domain.rpartition(".")[2].isdigit():
        raise ValueError(f"is not an email address: {domain} is no domain name")
    if len(parsed.local_part.encode()) > LOCAL_PART_LENGTH:
        raise ValueError(f"is longer than {LOCAL_PART_LENGTH} bytes before the @")
    address = f"{unicodedata.normalize('NFC', parsed.local_part.lower())}@{domain}"
    if len(address.encode()) > EMAIL_LENGTH:
        raise ValueError(f"is longer than {EMAIL_LENGTH} bytes")
    return address


# ---------------------------------------------------------------- phone

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION: Final = dict.fromkeys(map(ord, " -.()/\u00a0\u2010\u2011\u2012\u2013"))


class _Plan(NamedTuple):
    """How national numbers of a region are written, where no special rule applies."""

    code: str
    trunk: str
    outside: re.Pattern[str]
    number: re.Pattern[str]


def normalise_phone(value: str, region: str | None = None) -> str:
    """The number in E.164, such as ``+380441234567``.

    ``region`` (ISO 3166-1 alpha-2) says how to read a number without a country code. A number is accepted when
    its length is possible in its country; whether it is connected nobody can tell from its digits.
    """
    digits = value.translate(_PUNCTUATION)
    if _E164.fullmatch(digits) and _possible(digits):
        return digits
    if region and digits.isascii() and digits.isdigit():
        plan = _plan(region.upper())
        if plan is not None:
            number = _by_plan(plan, digits)
            if number is not None:
                return number
    return _unusual_phone(value, region)


def international(phone: str) -> str:
    """A number as other systems write it, digits with the country code and no ``+``, with one. Others as they are."""
    digits = phone.strip()
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if digits[:1].isdigit() and not digits.startswith("0") else phone


def _possible(number: str) -> bool:
    """Whether an international number has a known calling code and a length that its country uses."""
    lengths = _national_lengths()
    for size in (1, 2, 3):
        possible = lengths.get(number[1 : 1 + size])
        if possible is not None:
            return len(number) - 1 - size in possible and number[1 + size] != "0"
    return False


@cache
def _national_lengths() -> Mapping[str, frozenset[int]]:
    """Possible lengths of the national number, by calling code, over all regions that share the code."""
    lengths: dict[str, frozenset[int]] = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        found: set[int] = set()
        for region in regions:
            if region == "001":
                metadata = phonenumbers.PhoneMetadata.metadata_for_nongeo_region(code)
            else:
                metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
            if metadata is not None and metadata.general_desc is not None:
                found.update(metadata.general_desc.possible_length or ())
        lengths[str(code)] = frozenset(found)
    return lengths


@cache
def _plan(region: str) -> _Plan | None:
    """The short way for a region; None where the library's rules for it are special."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if (
        metadata is None
        or metadata.general_desc is None
        or metadata.national_prefix_transform_rule
        or (metadata.national_prefix or None) != (metadata.national_prefix_for_parsing or None)
        or len(metadata.national_prefix or "0") != 1
    ):
        return None
    return _Plan(
        code=str(metadata.country_code),
        trunk=metadata.national_prefix or "",
        outside=re.compile(metadata.international_prefix or "(?!)"),
        number=re.compile(metadata.general_desc.national_number_pattern or "(?!)"),
    )


def _by_plan(plan: _Plan, digits: str) -> str | None:
    """A national number by its region's plan; None when it could be read in more than one way."""
    if plan.outside.match(digits):
        return None
    if plan.trunk and digits.startswith(plan.trunk):
        digits = digits[1:]
    if digits.startswith((plan.code, "0")) or not plan.number.fullmatch(digits):
        return None
    return f"+{plan.code}{digits}"


def _unusual_phone(value: str, region: str | None) -> str:
    value = _without_controls(value)
    try:
        parsed = phonenumbers.parse(value, region.upper() if region else None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not region:
            raise ValueError("is not an international number: begin it with + and the country code") from None
        raise ValueError("is not a phone number") from None
    if parsed.extension:
        raise ValueError("has an extension: messages go to whole numbers only")
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("has the wrong number of digits for its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


# ---------------------------------------------------------------- language, time zone, country

_LANGUAGE = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
)


@cache
def _known_languages() -> dict[str, str]:
    """Remembered answers: a file has few languages in many rows. Bounded by its writer."""
    return {}


def normalise_language(value: str) -> str:
    """A BCP 47 tag (RFC 5646: language, script, region, variants) in its usual case: ``uk``, ``pt-BR``."""
    known = _known_languages()
    found = known.get(value)
    if found is None:
        found = _language(value)
        if len(known) < 1000:
            known[value] = found
    return found


def _language(value: str) -> str:
    match = _LANGUAGE.fullmatch(_without_controls(value).replace("_", "-").lower())
    if match is None:
        raise ValueError("is not a language tag such as uk, en or pt-BR")
    language, script, region, variants = match.groups()
    parts = [language]
    if script:
        parts.append(script.title())
    if region:
        parts.append(region.upper())
    return "-".join(parts) + variants


@cache
def _time_zones() -> Mapping[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones()}


def normalise_time_zone(value: str) -> str:
    """A name of the tz database such as ``Europe/Kyiv``, in any case."""
    found = _time_zones().get(value.strip().lower())
    if found is None:
        raise ValueError("is not a time zone such as Europe/Kyiv")
    return found


#: ISO 3166-1 alpha-2, and XK (Kosovo), which phone and postal networks use.
COUNTRIES: Final = frozenset(
    {
        "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
        "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
        "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
        "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
        "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
        "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
        "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
        "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
        "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
        "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
        "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
        "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
        "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
        "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
        "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
        "VN", "VU", "WF", "WS", "XK", "YE", "YT", "ZA", "ZM", "ZW",
    }
)  # fmt: skip


def normalise_country(value: str) -> str:
    """An ISO 3166-1 alpha-2 code such as ``UA``, in any case."""
    code = value.strip().upper()
    if code not in COUNTRIES:
        raise ValueError("is not a two-letter country code such as UA")
    return code


# ---------------------------------------------------------------- custom fields


def normalise_field(field: CustomField, value: Any) -> Any:
    """A custom field's value as it is stored in JSON; None when the value is empty, which clears the field.

    * text: at most 5,000 characters, line breaks allowed;
    * number: int or finite float; in text a comma is the decimal sign when there is no point, spaces group;
    * date: ``2026-10-27``, and day-first ``27.10.2026``, ``27/10/2026``, ``27-10-2026``; stored as ISO;
    * datetime: ISO 8601 (without an offset: UTC), day-first with ``HH:MM[:SS]``; stored as ``…T…Z``, seconds;
    * boolean: true/false, yes/no, y/n, on/off, 1/0, так/ні, да/нет;
    * choice: one of the field's choices, any case; multichoice: a list, or text separated by ``;``;
    * json: any JSON value; text is parsed.
    """
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return None
    return _FIELD_TYPES[field.type](field, value)


def _text(_: CustomField, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("is not text")
    text = str(value)
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if _CONTROL_BUT_BREAKS.search(text):
            raise ValueError("contains a control character")
    text = text.strip()
    if len(text) > TEXT_LENGTH:
        raise ValueError(f"is longer than {TEXT_LENGTH:,} characters")
    return text or None


_INTEGER = re.compile(r"[+-]?[0-9]{1,16}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def _number(_: CustomField, value: Any) -> int | float:
    number: int | float
    if isinstance(value, str):
        if len(value) > 64:
            raise ValueError("is not a number")
        text = value.translate({ord(" "): None, 0xA0: None, 0x202F: None})
        if "." not in text and text.count(",") == 1:
            text = text.replace(",", ".")
        if _INTEGER.fullmatch(text):
            number = int(text)
        elif _DECIMAL.fullmatch(text):
            number = float(text)
        else:
            raise ValueError("is not a number")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = value
    else:
        raise ValueError("is not a number")
    if not math.isfinite(number) or abs(number) > NUMBER_LIMIT:
        raise ValueError(f"is not a number between -{NUMBER_LIMIT:,} and {NUMBER_LIMIT:,}")
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number


_DAY_FIRST = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})(?:[ T]([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?")


def _date(_: CustomField, value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        text = value.strip()
        match = _DAY_FIRST.fullmatch(text)
        try:
            if match:
                return date(int(match[4]), int(match[3]), int(match[1])).isoformat()
            if len(text) > 10:
                return datetime.fromisoformat(text).date().isoformat()
            if len(text) == 10:
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
    raise ValueError("is not a date such as 2026-10-27 or 27.10.2026")


def normalise_moment(value: str) -> datetime:
    """A date, or date and time, written as in the fields of that type. Raises ValueError with the reason."""
    return datetime.fromisoformat(_datetime(None, value))


def _datetime(_: CustomField | None, value: Any) -> str:
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, str):
        text = value.strip()
        match = _DAY_FIRST.fullmatch(text)
        if match:
            clock = match[5] or "00:00"
            clock = clock.zfill(8 if clock.count(":") == 2 else 5)
            text = f"{match[4]}-{int(match[3]):02}-{int(match[1]):02}T{clock}"
        try:
            moment = datetime.fromisoformat(text) if len(text) >= 10 else None
        except ValueError:
            moment = None
    if moment is None:
        raise ValueError("is not a date and time such as 2026-10-27T14:30:00Z")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    except OverflowError:
        raise ValueError("is too far in the past or future") from None


_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "y", "on", "1", "так", "да"), True),
    **dict.fromkeys(("false", "no", "n", "off", "0", "ні", "нет"), False),
}


def _boolean(_: CustomField, value: Any) -> bool:
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    found = _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is neither yes nor no")
    return found


def _choice(field: CustomField, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else str(value)
    if text in field.choices:
        return text
    folded = text.casefold()
    for choice in field.choices:
        if choice.casefold() == folded:
            return choice
    raise ValueError(f"is not one of: {', '.join(field.choices[:20])}")


def _multichoice(field: CustomField, value: Any) -> list[str] | None:
    parts: list[Any]
    if isinstance(value, str):
        parts = value.split(";")
    elif isinstance(value, (list, tuple)):
        parts = list(value)  # pyright: ignore[reportUnknownArgumentType] # checked one by one below
    else:
        raise ValueError("is not a list of choices")
    chosen = [_choice(field, part) for part in parts if not (isinstance(part, str) and not part.strip())]
    return list(dict.fromkeys(chosen)) or None


def _json(_: CustomField, value: Any) -> Any:
    try:
        decoded = msgspec.json.decode(value) if isinstance(value, str) else value
        encoded = msgspec.json.encode(decoded)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    if len(encoded) > JSON_LENGTH:
        raise ValueError(f"is longer than {JSON_LENGTH:,} characters of JSON")
    if b"\\u0000" in encoded:  # PostgreSQL's jsonb cannot hold it
        raise ValueError("contains a NUL character")
    return msgspec.json.decode(encoded)


_FIELD_TYPES: Final[Mapping[FieldType, Callable[[CustomField, Any], Any]]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.BOOLEAN: _boolean,
    FieldType.CHOICE: _choice,
    FieldType.MULTICHOICE: _multichoice,
    FieldType.JSON: _json,
}
