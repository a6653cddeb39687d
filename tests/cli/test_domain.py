"""`syncom domain`, with a DNS server of the test's own."""

from __future__ import annotations

import pytest

from tests.cli.command import Command
from tests.messages.identity.dns_server import running_dns, spelled


async def test_a_domain_is_added_checked_rotated_and_removed(syncom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCOM_PUBLIC_URL", "https://mail.host.example")
    async with running_dns() as dns:
        monkeypatch.setenv("SYNCOM_DNS_SERVERS", f"127.0.0.1:{dns.port}")
        added = await syncom.json(
            "domain", "add", "brand.example", "--return-path", "bounce.brand.example", "--ip", "203.0.113.7"
        )
        answer = await syncom("domain", "check", "brand.example")
        assert answer.code == 1
        assert "MISSING  ownership: _syncom.brand.example" in answer.out
        for record in added["records"]:
            dns.zone[record["name"], record["type"]] = [spelled(record["type"], record["value"])]
        dns.set("mail.host.example", "A", "203.0.113.7")
        dns.set("7.113.0.203.in-addr.arpa", "PTR", "mail.host.example.")
        answer = await syncom("domain", "check", "brand.example")
        assert answer.code == 0, answer.out
        assert "MISSING" not in answer.out
    shown = await syncom.json("domain", "show", str(added["domain_id"]))
    assert (shown["verified"], shown["signs"], shown["return_path_in_use"]) == (True, True, True)
    zone = await syncom("domain", "show", "brand.example", "--zone")
    assert '_syncom.brand.example. IN TXT "syncom-domain=' in zone.out
    assert "bounce.brand.example (in use)" in (await syncom("domain", "show", "brand.example")).out
    changed = await syncom.json("domain", "set", "brand.example", "--tracking-host", "go.brand.example")
    assert (changed["tracking_host"], changed["tracking_in_use"]) == ("go.brand.example", False)
    rotated = await syncom.json("domain", "rotate", "brand.example")
    assert [key["state"] for key in rotated["keys"]] == ["active", "active", "pending", "pending"]
    assert "brand.example" in (await syncom("domain", "list")).out
    await syncom.json("domain", "remove", "brand.example")
    gone = await syncom("domain", "show", "brand.example")
    assert (gone.code, gone.err.strip()) == (3, "syncom: domain brand.example was not found")
