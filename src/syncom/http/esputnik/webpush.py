"""Web push of a site: its domain, its scripts, the subscriptions of its visitors (eSputnik reference, 5.11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from syncom.errors import Invalid, NotFound
from syncom.http.esputnik.method import EMPTY, Answer, Call, Method, Parameter, Refused, Scope, Text
from syncom.http.tracking.client import clean_agent
from syncom.sites.push import PushDomain, Subscription
from syncom.sites.tracker import push_importer, push_script, push_snippet, push_worker

_MAX_DOMAINS: Final = 100
_MAX_SUBSCRIPTION: Final = 16 * 1024
#: Files that pages and workers ask for, by what follows the id.
_FILES: Final[Mapping[str, Callable[[PushDomain, str, str], str]]] = {"js": push_script, "worker.js": push_worker}
_CACHED: Final = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


class PushDomainBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A site, and where it serves its service worker."""

    domain: str
    service_worker_name: str = "push-sw.js"
    service_worker_path: str = "/"
    service_worker_scope: str = "/"


class PushDomainsBody(msgspec.Struct, frozen=True, kw_only=True):
    """Several sites."""

    domains: list[PushDomainBody]


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A site whose visitors may subscribe now."""

    domain: str
    status: str = "ACTIVE"


class NotRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """A site that was refused, and why."""

    domain: str
    message: str


class PushDomainAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One site."""

    success: Registered


class PushDomainsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Several sites."""

    success: list[Registered]
    errors: list[NotRegistered]


class PushScripts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What stands in the pages, and the file that the site serves."""

    script: str
    service_worker: str


class SubscriptionBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A visitor's subscription."""

    push_id: str
    subscription: Subscription
    sc: str = ""
    #: Address of the subscription that this one takes the place of.
    previous: str = ""


async def add_domain(call: Call[PushDomainBody]) -> PushDomainAnswer | Answer:
    try:
        return PushDomainAnswer(success=await _register(call, call.body))
    except Invalid as error:
        # The vendor's own shape of this refusal (eSputnik reference, 5.11).
        refused = NotRegistered(domain=call.body.domain, message=error.message)
        return Answer({"errors": msgspec.to_builtins(refused)}, status=400)


async def add_domains(call: Call[PushDomainsBody]) -> PushDomainsAnswer:
    given = call.body.domains
    if not 0 < len(given) <= _MAX_DOMAINS:
        raise Refused(400, f"'domains' must have 1 to {_MAX_DOMAINS} sites")
    success: list[Registered] = []
    errors: list[NotRegistered] = []
    for domain in given:
        try:
            success.append(await _register(call, domain))
        except Invalid as error:
            errors.append(NotRegistered(domain=domain.domain, message=error.message))
    return PushDomainsAnswer(success=success, errors=errors)


async def _register(call: Call[PushDomainBody] | Call[PushDomainsBody], given: PushDomainBody) -> Registered:
    added = await call.app.web_push.register(
        call.account_id,
        domain=given.domain,
        name=given.service_worker_name.strip(),
        path=given.service_worker_path.strip() or "/",
        scope=given.service_worker_scope.strip() or "/",
    )
    return Registered(domain=added.domain)


async def scripts(call: Call[None]) -> PushScripts:
    try:
        domain = await call.app.web_push.domain(call.account_id, call.query.required("domain"))
    except NotFound:
        raise Refused(404, "Domain not found: register it with POST /v1/site/webpush/domain first") from None
    base_url = call.app.settings.base_url
    return PushScripts(script=push_snippet(domain, base_url), service_worker=push_importer(domain, base_url))


async def script_of_domain(call: Call[None]) -> Answer:
    name = str(call.path["file:text"])
    ident, _, ending = name.partition(".")
    make = _FILES.get(ending)
    if make is None:
        raise NotFound("script", name[:100])
    domain = await _domain(call, ident)
    key = await call.app.web_push.public_key(domain.account_id)
    text = make(domain, key, call.app.settings.base_url)
    # A site that hands the request for its worker on to here may have it for any of its paths.
    headers = _CACHED | {"Service-Worker-Allowed": domain.scope}
    return Answer(Text(text, "text/javascript;charset=UTF-8"), headers)


async def _domain(call: Call[Any], ident: str) -> PushDomain:
    try:
        push_id = UUID(ident)
    except ValueError:
        raise NotFound("domain", ident[:100]) from None
    return await call.app.web_push.find(push_id)


async def subscribe(call: Call[SubscriptionBody]) -> object:
    given = call.body
    domain = await _domain(call, given.push_id)
    await call.app.web_push.subscribe(
        domain,
        given.subscription,
        visitor=given.sc,
        previous=given.previous,
        origin=call.headers.get("origin"),
        agent=clean_agent(call.headers.get("user-agent", "").encode("latin-1", "replace")),
    )
    return EMPTY


METHODS: Final = [
    Method(
        "POST",
        "/v1/site/webpush/domain",
        add_domain,
        scope=Scope.WRITE_CONTENT,
        body=PushDomainBody,
        summary="Let visitors of a site subscribe to web push",
        answer=PushDomainAnswer,
    ),
    Method(
        "POST",
        "/v1/site/webpush/domains",
        add_domains,
        scope=Scope.WRITE_CONTENT,
        body=PushDomainsBody,
        summary="Let visitors of several sites subscribe to web push",
        answer=PushDomainsAnswer,
    ),
    Method(
        "GET",
        "/v1/site/webpush/script",
        scripts,
        scope=Scope.READ_CONTENT,
        query=(Parameter(name="domain", text="The site, such as https://shop.example.", required=True),),
        summary="The script and the service worker of a site's web push",
        answer=PushScripts,
    ),
    Method(
        "GET",
        "/v2/webpush/{file:text}",
        script_of_domain,
        scope=Scope.READ_CONTENT,
        public=True,
        summary="The script and the service worker of a site's web push, as its pages ask for them",
    ),
    Method(
        "POST",
        "/v2/webpush",
        subscribe,
        scope=Scope.EVENTS,
        public=True,
        by_address=True,
        body=SubscriptionBody,
        media=("text/plain",),
        max_body=_MAX_SUBSCRIPTION,
        summary="Keep a visitor's subscription to web push",
    ),
]
