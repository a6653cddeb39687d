"""Policies and organisational domains by the tree walk of RFC 9989."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncom.messages.identity.checking.dmarc import aligned, read_record, walk
from tests.messages.identity.test_spf import ZoneNames


class Counting(ZoneNames):
    def __init__(self, records: dict[str, str]) -> None:
        super().__init__({(f"_dmarc.{name}", "TXT"): [text] for name, text in records.items()})
        self.asked: list[str] = []

    async def txt(self, name: str) -> list[str]:
        self.asked.append(name.removeprefix("_dmarc."))
        return await super().txt(name)


@pytest.mark.parametrize(
    ("records", "domain", "organisation", "policy"),
    [
        ({}, "a.example.com", "a.example.com", None),
        ({"example.com": "v=DMARC1; p=reject"}, "example.com", "example.com", "reject"),
        ({"example.com": "v=DMARC1; p=reject"}, "a.example.com", "example.com", "reject"),
        ({"example.com": "v=DMARC1; p=reject; sp=none"}, "a.example.com", "example.com", "none"),
        ({"example.com": "v=DMARC1; p=quarantine; np=reject"}, "a.example.com", "example.com", "quarantine"),
        # The two examples of the standard (4.10.2).
        (
            {"mail.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
            "a.mail.example.com",
            "example.com",
            "reject",
        ),
        ({"com": "v=DMARC1; p=reject; psd=y"}, "a.mail.example.com", "example.com", "reject"),
        # Its own record comes first, and psd=n ends the organisation there.
        (
            {"a.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
            "a.example.com",
            "example.com",
            "none",
        ),
        (
            {"gov.example.com": "v=DMARC1; p=none; psd=n", "example.com": "v=DMARC1; p=reject"},
            "a.gov.example.com",
            "gov.example.com",
            "none",
        ),
        # A public suffix that sends mail itself.
        ({"example.com": "v=DMARC1; p=reject; psd=y"}, "example.com", "example.com", "reject"),
        ({"example.com": "v=DMARC1"}, "example.com", "example.com", "none"),
        ({"example.com": "v=DMARC1; p=rejekt; sp=REJECT"}, "a.example.com", "example.com", "reject"),
        ({"example.com": "p=reject; v=DMARC1"}, "example.com", "example.com", None),
        ({"example.com": "v=dmarc1; p=reject"}, "example.com", "example.com", None),
    ],
)
async def test_the_walk_finds_organisation_and_policy(
    records: dict[str, str], domain: str, organisation: str, policy: str | None
) -> None:
    found = await walk(Counting(records), domain)
    assert found.organisation == organisation
    assert (found.applied.policy(domain) if found.applied else None) == policy


async def test_a_long_name_jumps_to_seven_labels() -> None:
    names = Counting({})
    await walk(names, "a.b.c.d.e.f.g.h.i.j.mail.example.com")
    assert names.asked[:3] == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
    ]
    assert len(names.asked) == 8
    assert names.asked[-1] == "com"


async def test_several_records_at_one_name_are_none() -> None:
    names = Counting({"example.com": "v=DMARC1; p=reject"})
    names.zone["_dmarc.example.com", "TXT"].append("v=DMARC1; p=none")
    found = await walk(names, "example.com")
    assert found.applied is None
    assert len(found.useless) == 2
    names.zone["_dmarc.example.com", "TXT"] = ["v=DMARC1; p=reject", "some other text"]
    assert (await walk(names, "example.com")).applied is not None


async def test_strict_alignment_wants_the_same_domain_and_relaxed_the_same_organisation() -> None:
    names = Counting({"example.com": "v=DMARC1; p=reject; aspf=S; adkim=s"})
    own, below, other = [await walk(names, one) for one in ("example.com", "bounce.example.com", "other.com")]
    assert own.applied is not None
    assert (own.applied.strict_spf, own.applied.strict_dkim) == (True, True)
    assert aligned(own, below, strict=False)
    assert not aligned(own, below, strict=True)
    assert aligned(own, own, strict=True)
    assert not aligned(own, other, strict=False)


@given(st.text(max_size=100))
def test_any_text_is_a_record_or_none(text: str) -> None:
    for one in (text, f"v=DMARC1;{text}"):
        record = read_record("example.com", one)
        assert record is None or record.policy("a.example.com") in ("none", "quarantine", "reject")
