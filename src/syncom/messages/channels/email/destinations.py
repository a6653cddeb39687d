"""Where mail goes, as mailbox providers see it: a family of domains, or a domain by itself."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

import msgspec


class _Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    source: str
    domains: list[str]


class _Table(msgspec.Struct, frozen=True):
    family: list[_Family]


def destination_of(address: str) -> str:
    """'gmail' of an address at googlemail.com, 'example.org' of one there. Addresses are stored in lower case."""
    domain = address.rpartition("@")[2]
    return families().get(domain, domain)


@lru_cache(maxsize=1)
def families() -> dict[str, str]:
    """The family of each domain that has one."""
    data = files(__package__ or "").joinpath("destinations.toml").read_text(encoding="utf-8")
    table = msgspec.convert(tomllib.loads(data), _Table)
    return {domain: family.name for family in table.family for domain in family.domains}
