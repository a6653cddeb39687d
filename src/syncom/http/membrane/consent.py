"""Where a person lets a program in: ``/oauth/authorize`` and ``/oauth/code``, plain pages without a script.

A program's request is checked before anything is sent to the address it names; then it travels as one signed text,
through signing in and back, so that what is agreed to is what was checked. Agreeing is a form of this server's own page
(Origin), which no other page may show in a frame; codes go only to the address that was shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.connect.model import Connection, Restrictions
from syncom.connect.tenants.model import (
    AuthorizationRequest,
    Consent,
    Member,
    OAuthError,
    OAuthRefused,
    Tenant,
)
from syncom.connect.tenants.model import Scope as GrantScope
from syncom.connect.tenants.registry import checked_key
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, SyncomError, Unauthorized
from syncom.http.headers import CONTENT_POLICY
from syncom.http.membrane.grants import tenant_itself
from syncom.http.membrane.method import Edge, Mount, MountedRoute
from syncom.http.membrane.oauth import parameters
from syncom.http.pages.login import read_fields
from syncom.http.pages.page import page, send_page, send_redirect
from syncom.http.query import read_query

_PATH: Final = "/membrane/oauth/authorize"
_CODE: Final = re.compile(r"[0-9A-Za-z]{43}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)
_SPACES: Final = re.compile(r"[\s,]+")
_MAX_FORM: Final = 64 * 1024
_MAX_FIELDS: Final = 400
#: Tenants and connections that are offered; a tenant beyond them is named by its key.
_OFFERED: Final = 200


class _Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a person lets the program act for, as far as it is chosen."""

    members: list[Member]
    member: Member
    tenants: list[Tenant]
    #: Its key; the tenant is made when the person agrees.
    new_tenant: str
    tenant: Tenant
    connections: list[Connection]


class ConsentPages:
    """For people."""

    def __init__(self, edge: Edge) -> None:
        self._app = edge.app
        self._authentication = edge.authentication
        self._oauth = edge.app.tenants.oauth

    async def authorize(self, scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        """The program's request (GET), the page (GET with ``request``), and the person's answer (POST)."""
        if scope.get("method") == "POST":
            await self._decide(scope, receive, send)
            return
        fields = read_query(scope)
        try:
            if any(name == "request" for name, _ in fields):
                await self._ask(dict(fields), scope, send)
            else:
                await self._begin(fields, send)
        except (OAuthRefused, Invalid, NotFound, Forbidden) as error:
            await _send_problem(send, error)

    async def code(self, scope: Scope, receive: Receive, send: Send, members: Mapping[str, str]) -> None:
        """The code, for whoever has no browser where the program runs. Shows nothing of the address but a code."""
        given = dict(read_query(scope))
        code = given.get("code", "")
        if _CODE.fullmatch(code) is None:
            content = "<h1>Not signed in</h1><p>There is no code here: go back to the terminal and try again.</p>"
            await send_page(send, page("Not signed in", content), status=400)
            return
        content = (
            "<h1>Almost there</h1><p>Paste this code where you began to sign in. It is good for ten minutes, once.</p>"
            f'<pre id="code">{code}</pre><p class="soft">In a terminal: <code>membrane login complete CODE</code>. '
            "Give it to nobody: whoever asks you for it by mail, phone or chat wants to come in as you.</p>"
        )
        await send_page(send, page("Your code", content))

    # ------------------------------------------------------------ asking

    async def _begin(self, fields: list[tuple[str, str]], send: Send) -> None:
        given = parameters(fields)
        client = await self._oauth.client_for(given)
        try:
            request = self._oauth.request(client, given)
        except OAuthRefused as error:
            state = given.get("state", "")
            await send_redirect(send, self._answer(given["redirect_uri"], state, error=error))
            return
        await send_redirect(send, f"{_PATH}?request={self._oauth.pack(request)}")

    async def _ask(self, given: Mapping[str, str], scope: Scope, send: Send) -> None:
        request = self._oauth.unpack(given["request"])
        try:
            choice = await self._choice(scope, given)
        except Unauthorized:
            following = quote(f"{_PATH}?request={given['request']}", safe="")
            await send_redirect(send, f"/login?next={following}")
            return
        await _send_consent(send, request, choice, given["request"])

    async def _choice(self, scope: Scope, given: Mapping[str, str]) -> _Choice:
        """Raises Unauthorized when nobody is signed in."""
        by = await self._authentication.principal(scope)
        if by.user_id is None:
            raise Unauthorized("sign in as a person")
        by.require_enrolled()
        members = await self._app.tenants.members(by.user_id)
        wanted = given.get("account") or str(by.account_id)
        member = next((each for each in members if str(each.account_id) == wanted), None)
        if member is None:
            raise Forbidden("you do not belong to this account")
        tenants = await self._app.tenants.tenants(member.account_id, limit=_OFFERED)
        new_tenant = given.get("new_tenant", "").strip()
        tenant = tenants[0]
        if new_tenant:
            new_tenant = checked_key(new_tenant)
        elif given.get("tenant"):
            tenant = next((each for each in tenants if each.tenant_id == given["tenant"]), tenant)
        return _Choice(
            members=members,
            member=member,
            tenants=tenants,
            new_tenant=new_tenant,
            tenant=tenant,
            connections=[] if new_tenant else await self._connections(member, tenant),
        )

    async def _connections(self, member: Member, tenant: Tenant) -> list[Connection]:
        """What of the tenant's a program may be limited to."""
        workspace = await self._app.tenants.workspace(member.account_id)
        return await self._app.connections.list(tenant_itself(workspace, tenant), limit=_OFFERED)

    # ------------------------------------------------------------ deciding

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._authentication.check_origin(scope)
        fields = await read_fields(scope, receive, longest=_MAX_FORM, fields=_MAX_FIELDS)
        given = dict(fields)
        try:
            request = self._oauth.unpack(given.get("request", ""))
            if given.get("decision") != "approve":
                denied = OAuthRefused(OAuthError.ACCESS_DENIED, "the person said no")
                await send_redirect(send, self._answer(request.redirect_uri, request.state, error=denied))
                return
            choice = await self._choice(scope, given)
            tenant = await self._tenant(choice, given)
            restrictions = _restrictions(fields, choice.connections)
        except (Invalid, NotFound, Forbidden, Conflict, Unauthorized) as error:
            await _send_problem(send, error)
            return
        code = await self._oauth.approve(
            request, Consent(member=choice.member, tenant=tenant, restrictions=restrictions)
        )
        await send_redirect(send, self._answer(request.redirect_uri, request.state, code=code))

    async def _tenant(self, choice: _Choice, given: Mapping[str, str]) -> Tenant:
        if choice.new_tenant:
            if not choice.member.may_write:
                raise Forbidden("your role in this account may not make customers")
            return await self._app.tenants.tenant(choice.member.account_id, choice.new_tenant, create=True)
        if choice.tenant.tenant_id != given.get("tenant"):
            raise NotFound("customer", given.get("tenant", ""))
        return choice.tenant

    def _answer(self, address: str, state: str, *, code: str = "", error: OAuthRefused | None = None) -> str:
        """The program's address with the answer in its query (RFC 6749, 4.1.2; RFC 9207)."""
        told = {"code": code} if error is None else {"error": error.error.value, "error_description": error.message}
        if state:
            told["state"] = state
        told["iss"] = self._oauth.issuer
        return f"{address}{'&' if '?' in address else '?'}{urlencode(told)}"


def _restrictions(fields: Sequence[tuple[str, str]], connections: Sequence[Connection]) -> Restrictions:
    """What the person ticked. Raises Invalid."""
    given = dict(fields)
    chosen: frozenset[str] | None = None
    if given.get("limit") == "connections":
        known = {connection.connection_id for connection in connections}
        chosen = frozenset(value for name, value in fields if name == "connection" and value in known)
        if not chosen:
            raise Invalid("connections", "tick at least one, or let it use all of them")
    actions = frozenset(word for word in _SPACES.split(given.get("actions", "")) if word)
    return Restrictions(read_only=given.get("read_only") == "1", connections=chosen, actions=actions or None)


# ---------------------------------------------------------------- pages


async def _send_problem(send: Send, error: SyncomError) -> None:
    content = (
        f'<h1>This does not work</h1><p class="bad" role="alert">{escape(error.message)}</p>'
        "<p>Go back to the program and begin to sign in again.</p>"
    )
    status = 403 if isinstance(error, Forbidden) else 400
    await send_page(send, page("This does not work", content), status=status)


async def _send_consent(send: Send, request: AuthorizationRequest, choice: _Choice, packed: str) -> None:
    """The page. Browsers follow a form's redirect only to where the page's policy lets forms go."""
    where = _form_target(request.redirect_uri)
    policy = CONTENT_POLICY.replace(b"form-action 'self'", b"form-action 'self' " + where.encode("ascii"))
    content = (
        _introduction(request, choice)
        + _chooser(choice, packed)
        + f'<form class="stack" method="post" action="{_PATH}">{_hidden(choice, packed)}'
        + _allowed(request, choice)
        + _limits(choice)
        + '<p class="row"><button name="decision" value="approve">Let it in</button> '
        '<button class="plain" name="decision" value="deny" formnovalidate>Do not</button></p></form>'
    )
    body = page(f"Let {request.client_name} in?", content)
    await send_page(send, body, headers=[(b"content-security-policy", policy)])


def _form_target(redirect_uri: str) -> str:
    """Where a form may lead, as a source of a content security policy."""
    parts = urlsplit(redirect_uri)
    if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or ""):
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"
    # An app's own scheme; or an address in IPv6, which policies cannot name.
    return f"{parts.scheme}:"


def _destination(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    if redirect_uri.endswith(_PATH.replace("authorize", "code")):
        return "a page that shows you a code"
    if parts.hostname in ("127.0.0.1", "::1", "localhost"):
        return "a program on this computer"
    return parts.netloc if parts.scheme == "https" else f"the app that opens {parts.scheme} links"


def _introduction(request: AuthorizationRequest, choice: _Choice) -> str:
    return (
        f"<h1>Let <q>{escape(request.client_name)}</q> in?</h1>"
        f"<p>You are signed in as <strong>{escape(choice.member.email)}</strong>. The answer goes to "
        f"<strong>{escape(_destination(request.redirect_uri))}</strong>.</p>"
        '<p class="soft">Programs choose their names themselves. Go on only if you began this a moment ago.</p>'
    )


def _chooser(choice: _Choice, packed: str) -> str:
    """Account and tenant; another choice loads the page again, with that tenant's connections."""
    accounts = "".join(
        f'<option value="{each.account_id}"{_selected(each is choice.member)}>{escape(each.account_name)}</option>'
        for each in choice.members
    )
    tenants = "".join(
        f'<option value="{tenant.tenant_id}"{_selected(tenant is choice.tenant)}>{escape(_name(tenant))}</option>'
        for tenant in choice.tenants
    )
    return (
        f"<details{' open' if choice.new_tenant else ''}><summary>For <strong>{escape(_whom(choice))}</strong> in "
        f"<strong>{escape(choice.member.account_name)}</strong>: change</summary>"
        f'<form class="stack" method="get" action="{_PATH}"><input type="hidden" name="request" value="{packed}">'
        f'<label>Account <select name="account">{accounts}</select></label>'
        f'<label>Customer <select name="tenant">{tenants}</select></label>'
        f'<label>Or a new customer <input name="new_tenant" maxlength="200" autocomplete="off" '
        f'value="{escape(choice.new_tenant)}"></label><button class="plain">Choose</button></form></details>'
    )


def _hidden(choice: _Choice, packed: str) -> str:
    tenant = "" if choice.new_tenant else choice.tenant.tenant_id
    values = {
        "request": packed,
        "account": str(choice.member.account_id),
        "tenant": tenant,
        "new_tenant": choice.new_tenant,
    }
    return "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in values.items())


def _allowed(request: AuthorizationRequest, choice: _Choice) -> str:
    whom = escape(_whom(choice))
    if request.scope is GrantScope.PERSON:
        may = f"act as you: in each of your accounts, for every customer (it begins with {whom})"
    else:
        may = f"act for {whom}: look at its connections, connect apps, and run actions on them"
    limit = "" if choice.member.may_write else "<p>Your role here only reads, so it will only read.</p>"
    return f"<p>It may {may}. It never sees a password or key of an app. You can end this at any time.</p>{limit}"


def _limits(choice: _Choice) -> str:
    boxes = "".join(
        f'<label class="tick"><input type="checkbox" name="connection" value="{connection.connection_id}"> '
        f'{escape(connection.name)} <span class="soft">{escape(connection.key)}</span></label>'
        for connection in choice.connections
    )
    connections = (
        '<label class="tick"><input type="radio" name="limit" value="" checked> All connections, later ones too</label>'
        '<label class="tick"><input type="radio" name="limit" value="connections"> Only these:</label>'
        f'<div class="inside">{boxes}</div>'
        if boxes
        else ""
    )
    return (
        "<fieldset><legend>Limits</legend>"
        '<label class="tick"><input type="checkbox" name="read_only" value="1"> Only read</label>'
        f"{connections}"
        '<label>Only these actions <input name="actions" autocomplete="off" placeholder="get-contact, search-contacts">'
        "</label></fieldset>"
    )


def _whom(choice: _Choice) -> str:
    return choice.new_tenant or _name(choice.tenant)


def _name(tenant: Tenant) -> str:
    return f"{tenant.name} ({tenant.key})" if tenant.name and tenant.name != tenant.key else tenant.key


def _selected(is_it: bool) -> str:
    return " selected" if is_it else ""


def _authorize(edge: Edge) -> MountedRoute:
    return ConsentPages(edge).authorize


def _code(edge: Edge) -> MountedRoute:
    return ConsentPages(edge).code


MOUNTS: Final[tuple[Mount, ...]] = (
    Mount("/oauth/authorize", _authorize, verbs=frozenset({"GET", "POST"}), cors=False),
    Mount("/oauth/code", _code, verbs=frozenset({"GET"}), cors=False),
)
