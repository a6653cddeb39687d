"""Values in the one form they are stored in."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import phonenumbers
import pytest

from syncom.contacts.model import CustomField, FieldType
from syncom.contacts.normalise import (
    normalise_country,
    normalise_email,
    normalise_field,
    normalise_language,
    normalise_phone,
    normalise_text,
    normalise_time_zone,
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (" Anna.Koval+news@Example.COM ", "anna.koval+news@example.com"),
        ("\ufeffa@b.co\u200b", "a@b.co"),
        ("анна@пошта.укр", "анна@xn--80a1acn3a.xn--j1amh"),
        ("a@XN--80A1ACN3A.xn--j1amh", "a@xn--80a1acn3a.xn--j1amh"),
        ("o'neil@sub.domain.test", "o'neil@sub.domain.test"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_an_address_has_one_stored_form(written: str, stored: str) -> None:
    assert normalise_email(written) == stored
    assert normalise_email(stored) == stored


@pytest.mark.parametrize(
    "written",
    [
        "anna", "@example.com", "a@", "a@b", "a..b@example.com", ".a@example.com", "a@-b.com", "a b@example.com",
        "a@b.c\r\nBcc: x@y.z", "a@example.com\0", f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", "a@1.2.3.4",
        f"a@{'b.' * 130}com", "<a@example.com>", "a@example.com, b@example.com", "a@xn--zzzzz-0000.com\ud800",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        normalise_email(written)


@pytest.mark.parametrize(
    ("written", "region", "stored"),
    [
        ("+380 (67) 123-45-67", None, "+380671234567"),
        ("067 123 45 67", "UA", "+380671234567"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("(212) 555-0123", "us", "+12125550123"),
        ("02 1234 5678", "IT", "+390212345678"),
    ],
)
def test_a_phone_number_is_stored_in_e164(written: str, region: str | None, stored: str) -> None:
    assert normalise_phone(written, region) == stored


@pytest.mark.parametrize("written", ["0671234567", "+999123456789", "+38067", "call me", "+1 212 555 0123 ext. 5"])
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        normalise_phone(written)


def test_the_short_way_reads_national_numbers_as_the_library_does() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        region = chance.choice(["UA", "US", "DE", "FR", "PL", "IT", "KZ", "AT", "ES", "CZ", "IN", "TR", "GB", "HU"])
        start = chance.choice(["", "0", "8", "1", "06", "00"])
        number = start + "".join(chance.choices("0123456789", k=chance.randrange(6, 13)))
        try:
            ours = normalise_phone(number, region)
        except ValueError:
            ours = None
        try:
            parsed = phonenumbers.parse(number, region)
            theirs = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            if not phonenumbers.is_possible_number(parsed):
                theirs = None
        except phonenumbers.NumberParseException:
            theirs = None
        assert ours == theirs, (region, number)


def test_languages_zones_and_countries_take_their_usual_case() -> None:
    assert [normalise_language(tag) for tag in ("UK", "pt_br", "zh-hant-tw", "sl-rozaj")] == [
        "uk",
        "pt-BR",
        "zh-Hant-TW",
        "sl-rozaj",
    ]
    assert normalise_time_zone(" europe/berlin ") == "Europe/Berlin"
    assert normalise_country("ua ") == "UA"
    for normalise, wrong in (
        (normalise_language, "english"),
        (normalise_time_zone, "Mars/Base"),
        (normalise_country, "Ukraine"),
    ):
        with pytest.raises(ValueError):
            normalise(wrong)


def test_a_line_break_inside_a_name_is_refused_and_around_it_is_trimmed() -> None:
    assert normalise_text("\n Anna\t", 10) == "Anna"
    for wrong in ("An\nna", "An\0na", "An\x85na", "An\u2028na", "A" * 11):
        with pytest.raises(ValueError):
            normalise_text(wrong, 10)


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        (FieldType.TEXT, " a\r\nb ", "a\nb"),
        (FieldType.TEXT, 42, "42"),
        (FieldType.TEXT, "  ", None),
        (FieldType.NUMBER, "1 234,5", 1234.5),
        (FieldType.NUMBER, "-7", -7),
        (FieldType.NUMBER, "7.0", 7),
        (FieldType.DATE, "27.10.2026", "2026-10-27"),
        (FieldType.DATE, "7/1/2026", "2026-01-07"),
        (FieldType.DATE, date(2026, 1, 7), "2026-01-07"),
        (FieldType.DATETIME, "2026-10-27T14:30:00+02:00", "2026-10-27T12:30:00Z"),
        (FieldType.DATETIME, "27.10.2026 9:05", "2026-10-27T09:05:00Z"),
        (FieldType.DATETIME, datetime(2026, 1, 7, 1, 2, 3, 4, tzinfo=UTC), "2026-01-07T01:02:03Z"),
        (FieldType.BOOLEAN, "Так", True),
        (FieldType.BOOLEAN, 0, False),
        (FieldType.CHOICE, "RED", "Red"),
        (FieldType.MULTICHOICE, "red; Blue;;red", ["Red", "Blue"]),
        (FieldType.MULTICHOICE, ["Blue"], ["Blue"]),
        (FieldType.JSON, '{"a": [1, null]}', {"a": [1, None]}),
    ],
)
def test_custom_values_take_their_types_form(kind: FieldType, written: Any, stored: Any) -> None:
    assert normalise_field(_field(kind), written) == stored


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (FieldType.TEXT, "a\0b"), (FieldType.TEXT, "x" * 5001), (FieldType.TEXT, ["a"]), (FieldType.NUMBER, "NaN"),
        (FieldType.NUMBER, float("inf")), (FieldType.NUMBER, "1e400"), (FieldType.NUMBER, "9" * 40),
        (FieldType.NUMBER, True), (FieldType.NUMBER, "12abc"), (FieldType.DATE, "31.02.2026"),
        (FieldType.DATE, "13/27/2026"), (FieldType.DATETIME, "yesterday"), (FieldType.BOOLEAN, "maybe"),
        (FieldType.CHOICE, "Green"), (FieldType.MULTICHOICE, "red;green"), (FieldType.JSON, "{"),
        (FieldType.JSON, {"a": "\0"}), (FieldType.JSON, "x" * 30_000), (FieldType.JSON, {"a": "\ud800"}),
    ],
)  # fmt: skip
def test_custom_values_of_another_type_are_refused(kind: FieldType, written: Any) -> None:
    with pytest.raises(ValueError):
        normalise_field(_field(kind), written)


def _field(kind: FieldType) -> CustomField:
    return CustomField(field_id=1, key="x", name="X", type=kind, choices=("Red", "Blue"))
