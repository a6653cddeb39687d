"""``syncom domain``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, Switch
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, here
from syncom.messages.identity.model import DomainChange, DomainInput, DomainView, Verdict

app = App(name="domain", help="Domains that mails come from: DNS records, checks, keys.")
_DEFAULT = Options()
_PAGE = 100
_MARKS = {
    Verdict.OK: "ok",
    Verdict.NOTE: "note",
    Verdict.MISSING: "MISSING",
    Verdict.WRONG: "WRONG",
    Verdict.UNKNOWN: "unknown",
}

Addresses = Annotated[Many, Parameter(name="--ip", negative="")]


@app.command
async def add(
    domain: str,
    *,
    return_path: str = "",
    tracking_host: str = "",
    tracking_https: Switch = False,
    ip: Addresses = (),
    options: Options = _DEFAULT,
) -> None:
    """Add a domain, and print the DNS records to set.

    Parameters
    ----------
    domain
        What stands behind the @ of From addresses, such as brand.example.
    return_path
        Host below it that undelivered mails come back to, such as bounce.brand.example.
    tracking_host
        Host below it that links lead to, such as go.brand.example.
    tracking_https
        Links begin with https: that host has a certificate.
    ip
        Address that mails leave from. May be repeated.
    """
    given = DomainInput(
        domain=domain,
        return_path=return_path,
        tracking_host=tracking_host,
        tracking_https=tracking_https,
        sending_ips=tuple(ip),
    )
    async with here(options) as services:
        view = await services.app.domains.add(services.account_id, given)
    show(view, json=options.json, human=lambda: _say_records(view))


@app.command(name="list")
async def list_domains(*, options: Options = _DEFAULT) -> None:
    """List the domains and how they do."""
    found: list[DomainView] = []
    async with here(options) as services:
        while True:
            after = found[-1].domain if found else ""
            page = await services.app.domains.list(services.account_id, after=after, limit=_PAGE)
            found += page
            if len(page) < _PAGE:
                break
    rows = [(one.domain_id, one.domain, one.verified, one.signs, one.checked_at, one.problem) for one in found]
    columns = ("id", "domain", "yours", "signs", "checked", "problem")
    empty = "No domain yet, so mails are not signed: `syncom domain add brand.example`."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_domain(domain: str, *, zone: Switch = False, options: Options = _DEFAULT) -> None:
    """Show a domain, its DNS records, and what the last check found.

    Parameters
    ----------
    domain
        Its name or id.
    zone
        Print the records alone, as lines of a zone file.
    """
    async with here(options) as services:
        view = await _find(services, domain)
    if zone:
        show(view.records, json=options.json, human=lambda: print("\n".join(one.zone_line for one in view.records)))
        return
    show(view, json=options.json, human=lambda: _describe(view))


@app.command
async def check(domain: str, *, options: Options = _DEFAULT) -> int:
    """Ask DNS now, and take what is right into use. Exit code 1 when something is missing or wrong.

    Parameters
    ----------
    domain
        Its name or id.
    """
    async with here(options) as services:
        found = await _find(services, domain)
        view = await services.app.domains.check(services.account_id, found.domain_id)
    show(view, json=options.json, human=lambda: _say_findings(view))
    return int(not view.signs or any(one.is_bad for one in view.findings))


@app.command(name="set")
async def set_domain(
    domain: str,
    *,
    return_path: str | None = None,
    tracking_host: str | None = None,
    tracking_https: Literal["yes", "no"] | None = None,
    ip: Annotated[tuple[str, ...] | None, Parameter(name="--ip", negative="")] = None,
    options: Options = _DEFAULT,
) -> None:
    """Change hosts and addresses. A new host is in use once a check found it.

    Parameters
    ----------
    domain
        Its name or id.
    return_path
        Host that undelivered mails come back to; "" for none.
    tracking_host
        Host that links lead to; "" for the installation's.
    tracking_https
        Whether links begin with https.
    ip
        Address that mails leave from, in place of those before. May be repeated.
    """
    change = DomainChange(
        return_path=msgspec.UNSET if return_path is None else return_path,
        tracking_host=msgspec.UNSET if tracking_host is None else tracking_host,
        tracking_https=msgspec.UNSET if tracking_https is None else tracking_https == "yes",
        sending_ips=msgspec.UNSET if ip is None else ip,
    )
    async with here(options) as services:
        found = await _find(services, domain)
        view = await services.app.domains.change(services.account_id, found.domain_id, change)
    show(view, json=options.json, human=lambda: _say_records(view))


@app.command
async def rotate(domain: str, *, options: Options = _DEFAULT) -> None:
    """Make new keys, and print their records. The present ones sign until a check finds the new ones.

    Parameters
    ----------
    domain
        Its name or id.
    """
    async with here(options) as services:
        found = await _find(services, domain)
        view = await services.app.domains.rotate(services.account_id, found.domain_id)
    show(view, json=options.json, human=lambda: _say_records(view))


@app.command
async def remove(domain: str, *, options: Options = _DEFAULT) -> None:
    """Remove a domain with its keys: its mails are not signed any more.

    Parameters
    ----------
    domain
        Its name or id.
    """
    async with here(options) as services:
        found = await _find(services, domain)
        await services.app.domains.remove(services.account_id, found.domain_id)
    show({"removed": found.domain}, json=options.json, human=lambda: print(f"{found.domain} is removed."))


async def _find(services: Here, domain: str) -> DomainView:
    if domain.isdecimal():
        return await services.app.domains.get(services.account_id, int(domain))
    return await services.app.domains.named(services.account_id, domain)


def _describe(view: DomainView) -> None:
    facts(
        (
            ("id", view.domain_id),
            ("domain", view.domain),
            ("yours", view.verified),
            ("signs", view.signs),
            ("return path", _host(view.return_path, in_use=view.return_path_in_use)),
            ("tracking host", _host(view.tracking_host, in_use=view.tracking_in_use)),
            ("https", view.tracking_https),
            ("sends from", ", ".join(view.sending_ips) or "not known"),
            ("checked", view.checked_at),
            ("problem", view.problem or "none"),
        )
    )
    print()
    keys = [(key.selector, key.algorithm, key.state, key.verified_at, key.record_until) for key in view.keys]
    table(("selector", "algorithm", "state", "in DNS since", "record needed until"), keys, empty="No keys.")
    print()
    _say_records(view)
    if view.findings:
        print()
        _say_findings(view)


def _host(name: str, *, in_use: bool) -> str:
    return f"{name} ({'in use' if in_use else 'not in use yet'})" if name else "none"


def _say_records(view: DomainView) -> None:
    print(f"Set these DNS records, then run `syncom domain check {view.domain}`:\n")
    for record in view.records:
        optional = "" if record.required else "   (optional)"
        print(f"  {record.type:<5} {record.name}{optional}\n        {record.value}")


def _say_findings(view: DomainView) -> None:
    for one in view.findings:
        print(f"{_MARKS[one.verdict]:<8} {one.subject.value}: {one.name}")
        if one.found:
            print(f"         found: {''.join(char if char.isprintable() else ' ' for char in one.found)}")
        print(f"         {one.words}")
