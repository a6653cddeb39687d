"""SPF checks, judged beside pyspf on the same zone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address

import pytest
import spf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.messages.identity.checking.dns import DnsNames, NoAnswer
from syncom.messages.identity.checking.spf import SpfCheck, SpfResult, check_spf
from tests.messages.identity.dns_server import DnsServer

Zone = dict[tuple[str, str], list[str]]


class ZoneNames:
    """The questions answered out of a zone, without a network: thousands of records a second."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    async def txt(self, name: str) -> list[str]:
        return self._of(name, "TXT")

    async def mx(self, name: str) -> list[tuple[int, str]]:
        return [(10, host) for host in self._of(name, "MX")]

    async def addresses(self, name: str, version: int) -> list[str]:
        return self._of(name, "A" if version == 4 else "AAAA")

    async def cname(self, name: str) -> str:
        return "".join(self._of(name, "CNAME"))

    async def pointers(self, address: str) -> list[str]:
        return self._of(address, "PTR")

    def _of(self, name: str, kind: str) -> list[str]:
        return self.zone.get((name.lower().rstrip("."), kind), [])


class BrokenNames(ZoneNames):
    async def txt(self, name: str) -> list[str]:
        raise NoAnswer(f"DNS did not answer for {name}")


def lookup(zone: Zone) -> Callable[..., list[tuple[tuple[str, str], object]]]:
    """The same zone as pyspf asks for it."""

    def look(name: str, qtype: str, strict: object = True, timeout: float = 30) -> list[tuple[tuple[str, str], object]]:
        del strict, timeout
        key = name.lower().rstrip(".")
        if qtype == "PTR":
            labels = key.split(".")
            key = ".".join(reversed(labels[:4])) if key.endswith("in-addr.arpa") else key
        found: list[tuple[tuple[str, str], object]] = []
        for value in zone.get((key, qtype), []):
            given: object = value
            if qtype == "TXT":
                given = (value.encode(),)
            elif qtype == "MX":
                given = (10, value)
            elif qtype in ("A", "AAAA"):
                given = ip_address(value)
            found.append(((name, qtype), given))
        return found

    return look


def referee(zone: Zone, address: str, domain: str) -> str:
    spf.DNSLookup = lookup(zone)
    return spf.query(i=address, s=f"b@{domain}", h=domain, strict=True).check()[0]


def check(zone: Zone, address: str, domain: str = "a.example") -> SpfCheck:
    return asyncio.new_event_loop().run_until_complete(check_spf(ZoneNames(zone), address, domain, f"b@{domain}"))


async def result(zone: Zone, address: str, domain: str = "a.example") -> SpfCheck:
    return await check_spf(ZoneNames(zone), address, domain, f"b@{domain}")


def zone_of(record: str, **more: str) -> Zone:
    """``record`` is a.example's; others by their first label."""
    zone: Zone = {
        ("a.example", "TXT"): [record],
        ("a.example", "A"): ["192.0.2.1"],
        ("a.example", "MX"): ["mx.a.example"],
        ("mx.a.example", "A"): ["192.0.2.7"],
        ("mx.a.example", "AAAA"): ["2001:db8::7"],
        ("192.0.2.9", "PTR"): ["host.a.example", "other.example"],
        ("host.a.example", "A"): ["192.0.2.9"],
        ("9.2.0.192.list.example", "A"): ["127.0.0.2"],
    }
    for name, text in more.items():
        zone[f"{name}.example", "TXT"] = [text]
    return zone


CASES = [
    ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.5", "pass"),
    ("v=spf1 ip4:192.0.2.0/24 -all", "198.51.100.1", "fail"),
    ("v=spf1 ip4:192.0.2.0/24 ~all", "198.51.100.1", "softfail"),
    ("v=spf1 ?all", "198.51.100.1", "neutral"),
    ("v=spf1", "198.51.100.1", "neutral"),
    ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
    ("v=spf1 ip4:192.0.2.5 -all", "::ffff:192.0.2.5", "pass"),
    ("v=spf1 a -all", "192.0.2.1", "pass"),
    ("v=spf1 a/24 -all", "192.0.2.200", "pass"),
    ("v=spf1 mx -all", "192.0.2.7", "pass"),
    ("v=spf1 mx//64 -all", "2001:db8::9", "pass"),
    ("v=spf1 mx:a.example/30 -all", "192.0.2.6", "pass"),
    ("v=spf1 include:b.example -all", "192.0.2.50", "pass"),
    ("v=spf1 include:b.example -all", "192.0.2.51", "fail"),
    ("v=spf1 redirect=b.example", "192.0.2.50", "pass"),
    ("v=spf1 redirect=b.example", "192.0.2.51", "fail"),
    ("v=spf1 redirect=b.example ~all", "192.0.2.50", "softfail"),
    ("v=spf1 redirect=none.example", "192.0.2.50", "permerror"),
    ("v=spf1 include:none.example -all", "192.0.2.50", "permerror"),
    ("v=spf1 ptr -all", "192.0.2.9", "pass"),
    ("v=spf1 ptr:other.example -all", "192.0.2.9", "fail"),
    ("v=spf1 exists:%{ir}.list.example -all", "192.0.2.9", "pass"),
    ("v=spf1 exists:%{ir}.list.example -all", "192.0.2.8", "fail"),
    ("v=spf1 exists:%{d2}%{x} -all", "192.0.2.8", "permerror"),
    ("v=spf1 A MX -ALL", "192.0.2.7", "pass"),
    ("V=SPF1 -all", "192.0.2.7", "fail"),
    ("v=spf10 -all", "192.0.2.7", "none"),
    ("v=spf1 ip4:192.0.2.0/33 -all", "192.0.2.7", "permerror"),
    ("v=spf1 ip4:2001:db8::1 -all", "192.0.2.7", "permerror"),
    ("v=spf1 ip4=192.0.2.1 -all", "198.51.100.7", "fail"),
    ("v=spf1 -all:x", "192.0.2.7", "permerror"),
    ("v=spf1 nonsense -all", "192.0.2.7", "permerror"),
    ("v=spf1 unknown=modifier ip4:192.0.2.7 -all", "192.0.2.7", "pass"),
    # RFC 7208, 6: ignored "no matter where, or how often, they appear".
    ("v=spf1 unknown=modifier unknown=modifier ip4:192.0.2.7 -all", "192.0.2.7", "pass"),
    ("v=spf1 redirect=b.example redirect=b.example", "192.0.2.7", "permerror"),
    ("v=spf1 exp=b.example -all", "192.0.2.7", "fail"),
    ("v=spf1 include: -all", "192.0.2.7", "permerror"),
    ("v=spf1 a:x_y.a.example a:z.a.example -all", "192.0.2.7", "fail"),
    ("v=spf1 a:1.a.example a:2.a.example a:3.a.example -all", "192.0.2.7", "permerror"),
]


@pytest.mark.parametrize(("record", "address", "expected"), CASES)
async def test_records_mean_what_the_standard_says(record: str, address: str, expected: str) -> None:
    found = await result(zone_of(record, b="v=spf1 ip4:192.0.2.50 -all"), address)
    assert found.result.value == expected, found.reason


async def test_ten_terms_may_ask_dns_and_no_more() -> None:
    ten = "v=spf1 " + " ".join("a" for _ in range(10)) + " -all"
    eleven = "v=spf1 " + " ".join("a" for _ in range(11)) + " -all"
    assert (await result(zone_of(ten), "198.51.100.1")).lookups == 10
    found = await result(zone_of(eleven), "198.51.100.1")
    assert found.result is SpfResult.PERMERROR
    assert "10 look-ups" in found.reason


async def test_a_record_that_includes_itself_ends() -> None:
    assert (await result(zone_of("v=spf1 include:a.example -all"), "198.51.100.1")).result is SpfResult.PERMERROR
    assert (await result(zone_of("v=spf1 redirect=a.example"), "198.51.100.1")).result is SpfResult.PERMERROR


async def test_two_records_are_an_error_and_none_is_none() -> None:
    zone = zone_of("v=spf1 -all")
    zone["a.example", "TXT"].append("v=spf1 +all")
    assert (await result(zone, "192.0.2.1")).result is SpfResult.PERMERROR
    assert (await result({}, "192.0.2.1")).result is SpfResult.NONE
    assert (await result({}, "192.0.2.1", "localhost")).result is SpfResult.NONE


async def test_a_dns_that_does_not_answer_is_a_passing_fault() -> None:
    found = await check_spf(BrokenNames({}), "192.0.2.1", "a.example", "b@a.example")
    assert (found.result, found.reason) == (SpfResult.TEMPERROR, "DNS did not answer for a.example")


async def test_it_asks_a_real_server(dns_server: DnsServer, names: DnsNames) -> None:
    dns_server.set("a.example", "TXT", "v=spf1 mx include:b.example -all", "other text")
    dns_server.set("a.example", "MX", "20 z.a.example.", "10 mx.a.example.")
    dns_server.set("mx.a.example", "A", "192.0.2.7")
    dns_server.set("z.a.example", "A", "192.0.2.8")
    dns_server.set("b.example", "TXT", "v=spf1 ip4:192.0.2.50" + " ip4:198.51.100.200" * 20 + " -all")
    for address, expected in (
        ("192.0.2.8", SpfResult.PASS),
        ("192.0.2.50", SpfResult.PASS),
        ("192.0.2.9", SpfResult.FAIL),
    ):
        assert (await check_spf(names, address, "a.example", "b@a.example")).result is expected


TERMS = st.sampled_from(
    [
        "a",
        "mx",
        "ptr",
        "a:mx.a.example",
        "a/30",
        "mx/29",
        "a//64",
        "ip4:192.0.2.0/29",
        "ip4:192.0.2.9",
        "ip6:2001:db8::/64",
        "include:b.example",
        "include:c.example",
        "exists:%{ir}.list.example",
        "exists:%{l}.none.example",
        "a:none.example",
        "redirect=b.example",
        "redirect=c.example",
        "exp=b.example",
        "other=thing",
        "wrong:",
        "ip4:300.1.1.1",
        "include:",
        "a:%{d}",
        "a:%{d1r}.example",
        "exists:%{o}",
        "all",
        "a:mx.%{o2}",
        "mx:%{z}",
        "ptr:a.example",
        "ip4:192.0.2.1/0",
    ]
)
#: An unknown modifier stands once: the referee refuses a second one, the standard does not (a case above).
RECORDS = st.builds(
    lambda terms, end: " ".join(["v=spf1", *(sign + term for sign, term in terms), *end]),
    st.lists(st.tuples(st.sampled_from(["", "", "-", "~", "?", "+"]), TERMS), max_size=6).filter(
        lambda terms: terms.count(("", "other=thing")) < 2
    ),
    st.sampled_from([[], ["-all"], ["~all"], ["?all"]]),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    RECORDS, RECORDS, RECORDS, st.sampled_from(["192.0.2.1", "192.0.2.7", "192.0.2.9", "198.51.100.1", "2001:db8::7"])
)
def test_random_records_are_judged_as_the_referee_does(first: str, second: str, third: str, address: str) -> None:
    zone = zone_of(first, b=second, c=third)
    assert check(zone, address).result.value == referee(zone, address, "a.example"), zone
