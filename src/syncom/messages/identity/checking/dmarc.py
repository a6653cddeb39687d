"""Which DMARC policy is for a domain, and where its organisation ends (RFC 9989, which replaces RFC 7489).

The organisational domain is found by walking up the tree of names (4.10), not by a list of public suffixes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from syncom.messages.identity.checking.dns import Names
from syncom.messages.identity.keys import tags_of

#: Names with this many labels or more jump to seven: eight questions at most (RFC 9989 4.10).
_MANY_LABELS: Final = 8
_POLICIES: Final = frozenset({"none", "quarantine", "reject"})


class DmarcRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A policy record."""

    #: The domain it is published for.
    domain: str
    text: str
    tags: Mapping[str, str]

    def policy(self, domain: str) -> str:
        """What is asked for mails of a domain that exists, and that this record is for."""
        own = _policy(self.tags.get("p", ""))
        if domain == self.domain:
            return own or "none"
        return _policy(self.tags.get("sp", "")) or own or "none"

    @property
    def strict_dkim(self) -> bool:
        return self.tags.get("adkim", "r").lower() == "s"

    @property
    def strict_spf(self) -> bool:
        return self.tags.get("aspf", "r").lower() == "s"

    @property
    def psd(self) -> str:
        """'y', 'n' or 'u'."""
        return self.tags.get("psd", "u").lower()


class DmarcWalk(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk up the tree found for a domain."""

    domain: str
    #: Valid records, the longest name first.
    records: tuple[DmarcRecord, ...]
    #: Records at the domain itself that are no use: several of them, or broken ones.
    useless: tuple[str, ...] = ()

    @property
    def organisation(self) -> str:
        """The organisational domain (RFC 9989 4.10.2)."""
        for record in self.records:
            if record.psd == "n":
                return record.domain
            if record.psd == "y" and record.domain != self.domain:
                labels = self.domain.split(".")
                return ".".join(labels[-record.domain.count(".") - 2 :])
        return self.records[-1].domain if self.records else self.domain

    @property
    def applied(self) -> DmarcRecord | None:
        """The record whose policy is for mails from this domain (RFC 9989 4.10.1)."""
        by_domain = {record.domain: record for record in self.records}
        found = by_domain.get(self.domain) or by_domain.get(self.organisation)
        if found is None:
            found = next((record for record in self.records if record.psd == "y"), None)
        return found


async def walk(names: Names, domain: str) -> DmarcWalk:
    """Look for records from a domain (small A-labels) up to its top level. Raises NoAnswer."""
    found: list[DmarcRecord] = []
    useless: list[str] = []
    labels = domain.split(".")
    while labels:
        name = ".".join(labels)
        texts = await names.txt(f"_dmarc.{name}")
        records = [record for record in (read_record(name, text) for text in texts) if record is not None]
        if len(records) == 1:
            found.append(records[0])
            if records[0].psd == "n" or (records[0].psd == "y" and name != domain):
                break
        elif name == domain:
            useless = texts
        labels = labels[1:] if len(labels) < _MANY_LABELS else labels[-_MANY_LABELS + 1 :]
    return DmarcWalk(domain=domain, records=tuple(found), useless=tuple(useless))


def read_record(domain: str, text: str) -> DmarcRecord | None:
    """A record; None for what is none: ``v=DMARC1`` comes first (RFC 9989 4.7). Other faults fall back to defaults."""
    first, _, rest = text.partition(";")
    name, _, value = first.partition("=")
    if name.strip().lower() != "v" or value.strip() != "DMARC1":
        return None
    tags: dict[str, str] = {}
    for part in rest.split(";"):
        one = tags_of(part)
        if one:
            tags = dict(one) | tags
    return DmarcRecord(domain=domain, text=text, tags=tags)


def aligned(own: DmarcWalk, other: DmarcWalk, *, strict: bool) -> bool:
    """Whether an authenticated domain counts for a From domain (RFC 9989 4.4)."""
    return other.domain == own.domain or (not strict and other.organisation == own.organisation)


def _policy(value: str) -> str:
    """A policy, or nothing for what is none."""
    value = value.lower()
    return value if value in _POLICIES else ""
