"""Sites, their script, and what their pages report (eSputnik reference, 5.11 and 8.1)."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

import msgspec

from syncom.activity.model import HitClass
from syncom.activity.robots import classify_agent
from syncom.errors import Conflict, NotFound
from syncom.http.esputnik.method import EMPTY, Answer, Call, Method, Parameter, Refused, Scope, Text
from syncom.http.esputnik.site_events import GeneralInfo, page_event
from syncom.sites.model import Sender, Site
from syncom.sites.service import normalise_domain
from syncom.sites.tracker import snippet, tracker

#: Bytes of what a page reports at once.
_MAX_REPORT: Final = 64 * 1024
_CACHED: Final = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


class DomainBody(msgspec.Struct, frozen=True, kw_only=True):
    """A site, such as https://shop.example."""

    domain: str


class DomainAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The id that the site's pages carry."""

    result: str
    site_id: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a page reports: which event and about whom; further members depend on the event."""

    general_info: GeneralInfo = msgspec.field(name="GeneralInfo")


async def add_domain(call: Call[DomainBody]) -> DomainAnswer:
    try:
        site = await call.app.sites.add(call.account_id, call.body.domain)
    except Conflict as error:
        raise Refused(400, error.message, plain=True) from None
    return DomainAnswer(result="Domain added", site_id=str(site.site_id))


async def script(call: Call[None]) -> Text:
    return Text(snippet(await _site(call), call.app.settings.base_url))


async def _site(call: Call[Any]) -> Site:
    """The site of the domain that is named, else the newest one."""
    sites = await call.app.sites.sites(call.account_id)
    domain = call.query.text("domain")
    if domain is not None:
        wanted = normalise_domain(domain)
        sites = [site for site in sites if site.domain == wanted]
    if not sites:
        raise Refused(404, "Site not found: register its domain with POST /v1/site/domains first")
    return sites[0]


async def script_of_site(call: Call[None]) -> Answer:
    name = str(call.path["file:text"])
    site = await call.app.sites.find(_site_id(name.removesuffix(".js"))) if name.endswith(".js") else None
    if site is None:
        raise NotFound("script", name)
    return Answer(Text(tracker(site, call.app.settings.base_url), "text/javascript;charset=UTF-8"), _CACHED)


async def collect(call: Call[Report]) -> object:
    info = call.body.general_info
    site = await call.app.sites.find(_site_id(info.site_id))
    sender = Sender(
        origin=call.headers.get("origin"),
        machine=classify_agent(call.headers.get("user-agent", "")).hit_class is HitClass.MACHINE,
        unwanted="1" in (call.headers.get("sec-gpc"), call.headers.get("dnt")),
    )
    await call.app.sites.report(site, page_event(info, _whole(call.raw)), sender)
    return EMPTY


def _site_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("site", text[:100]) from None


def _whole(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}  # in another charset: what everybody says was understood
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


METHODS: Final = [
    Method(
        "POST",
        "/v1/site/domains",
        add_domain,
        scope=Scope.WRITE_CONTENT,
        body=DomainBody,
        summary="Register a site",
        answer=DomainAnswer,
    ),
    Method(
        "GET",
        "/v1/site/script",
        script,
        scope=Scope.READ_CONTENT,
        query=(Parameter(name="domain", text="The site; the newest one unless named."),),
        summary="The lines that the pages of a site begin with",
    ),
    Method(
        "GET",
        "/v2/script/{file:text}",
        script_of_site,
        scope=Scope.READ_CONTENT,
        public=True,
        summary="The script of a site's pages",
    ),
    Method(
        "POST",
        "/v2",
        collect,
        scope=Scope.EVENTS,
        public=True,
        by_address=True,
        body=Report,
        media=("text/plain",),
        max_body=_MAX_REPORT,
        summary="Take in what a page reports",
    ),
]
