"""``syncom site``."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.sites.model import Visitor
from syncom.sites.tracker import snippet

app = App(name="site", help="Sites whose pages report what visitors do.")
_DEFAULT = Options()


@app.command
async def add(
    domain: str,
    *,
    strict: Literal["yes", "no"] = "yes",
    clicks: Literal["yes", "no"] = "no",
    options: Options = _DEFAULT,
) -> None:
    """Register a site, and print the lines for its pages.

    Parameters
    ----------
    domain
        Scheme and host, such as https://shop.example.
    strict
        Visitors are asked before anything is reported, and who they are is believed only with a token.
    clicks
        Who comes by a link of a message is known by it; see docs/site-tracker.md before.
    """
    async with here(options) as services:
        site = await services.app.sites.add(services.account_id, domain, strict=strict == "yes", clicks=clicks == "yes")
        lines = snippet(site, services.app.settings.base_url)
    show(
        site, json=options.json, human=lambda: print(f"{site.domain} is site {site.site_id}. In its pages:\n\n{lines}")
    )


@app.command(name="list")
async def list_sites(*, options: Options = _DEFAULT) -> None:
    """List sites, the newest first."""
    async with here(options) as services:
        found = await services.app.sites.sites(services.account_id)
    rows = [
        (site.site_id, site.domain, "yes" if site.strict else "no", "yes" if site.clicks else "no") for site in found
    ]
    empty = "No site yet: `syncom site add https://shop.example`."
    show(found, json=options.json, human=lambda: table(("id", "domain", "strict", "clicks"), rows, empty=empty))


@app.command(name="set")
async def set_site(
    site_id: UUID,
    *,
    strict: Literal["yes", "no"] | None = None,
    clicks: Literal["yes", "no"] | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Make a site strict or have it know who comes by clicks, or not, and print the lines for its pages.

    Parameters
    ----------
    site_id
        Its id.
    strict
        Visitors are asked before anything is reported, and who they are is believed only with a token.
    clicks
        Who comes by a link of a message is known by it; see docs/site-tracker.md before.
    """
    async with here(options) as services:
        site = await services.app.sites.change(
            services.account_id,
            site_id,
            strict=None if strict is None else strict == "yes",
            clicks=None if clicks is None else clicks == "yes",
        )
        lines = snippet(site, services.app.settings.base_url)
    show(site, json=options.json, human=lambda: print(lines))


@app.command
async def token(
    site_id: UUID, *, external_id: str = "", email: str = "", phone: str = "", options: Options = _DEFAULT
) -> None:
    """Make a token with which a page says for 30 days who is at it.

    Parameters
    ----------
    site_id
        The site.
    external_id
        The person's number in the shop.
    email
        Their address.
    phone
        Their phone.
    """
    person = Visitor(external_id=external_id, email=email, phone=phone)
    async with here(options) as services:
        made = await services.app.sites.token(services.account_id, site_id, person)
    show({"token": made}, json=options.json, human=lambda: print(made))
