"""Settings of an SMSC that cannot work are refused by their name."""

from __future__ import annotations

from typing import Any

import pytest

from syncom.errors import Invalid
from syncom.messages.channels.sms.smpp.model import SmppBind, check_bind, check_password


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("host", ""),
        ("host", "a b"),
        ("port", 0),
        ("system_id", ""),
        ("system_id", "x" * 16),
        ("system_id", "ключ"),
        ("system_type", "x" * 13),
        ("service_type", "x" * 6),
        ("names", ()),
        ("names", ("A name that is too long",)),
        ("window", 0),
        ("dest_ton", 256),
        ("unknown_number_errors", ("1",) * 101),
    ],
)
def test_settings_that_cannot_work_are_refused_by_their_name(field: str, bad: Any) -> None:
    values: dict[str, Any] = {"host": "smsc.example", "system_id": "acme", "names": ("Acme",), field: bad}
    with pytest.raises(Invalid) as refused:
        check_bind(SmppBind(**values))
    assert [one.field for one in refused.value.fields] == [f"config.smpp.{field}"]


@pytest.mark.parametrize("password", ["longer than eight", "пароль", "a\nb"])
def test_a_password_that_the_field_cannot_hold_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="password"):
        check_password(password)
