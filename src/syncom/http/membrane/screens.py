"""The pages where a person connects an app: a form or a way to the app's own page, without any script but one line
that tells the page which opened them how it ended.

The handle in a link cannot be guessed and is all that a page needs; only this installation itself is connected by a
person who is signed in to it. Forms come from these pages alone (Origin), nobody frames them, and what an app or a
caller says is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar.types import Receive, Scope, Send

from syncom.accounts.model import Principal
from syncom.connect.connections import forms
from syncom.connect.connections.model import Agreed, AuthChoice, ConnectionWish, PageFacts, RequestStatus
from syncom.connect.connections.requests import CALLBACK_PATH, PAGE_PATH, SIGN_IN_LIFE, Departure, Outcome, StateRefused
from syncom.connect.model import Caller, Connection, Fault, Schema
from syncom.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, SyncomError, Unauthorized, Upstream
from syncom.http.headers import header
from syncom.http.membrane.bodies import ConnectBody
from syncom.http.membrane.method import Edge, Mount
from syncom.http.membrane.outcomes import failure, name_of, public_members, success, told_to_opener
from syncom.http.pages.login import read_form
from syncom.http.pages.page import page, send_page

_GO: Final = f"{PAGE_PATH}/go"
_LOGO: Final = re.compile(r"data:image/(?:svg\+xml|png|jpeg|webp);[A-Za-z0-9+/=;,%.:_-]+")
#: Values of several lines, which a password field would join.
_LONG: Final = re.compile(r"private_?key|certificate|key_?file|account_?json|json", re.IGNORECASE)
_FIELD: Final = "f."
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.:\[\]-]{1,300}")
#: The page that opened one of these keeps its hold on the window, and is told how it ended.
_OPENER: Final = (b"cross-origin-opener-policy", b"unsafe-none")


class Screens:
    """``/membrane/screens/connections`` and ``/membrane/oauth-callback``."""

    def __init__(self, edge: Edge) -> None:
        self._connections = edge.app.connections
        self._requests = edge.app.connections.requests
        self._tenants = edge.app.tenants
        self._accounts = edge.app.accounts
        self._authentication = edge.authentication
        secure = edge.app.settings.base_url.startswith("https://")
        self._secure = secure
        self._cookie = "__Host-syncom-connect" if secure else "syncom_connect"

    async def connections(self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """The page of a request (GET), and its forms (POST)."""
        try:
            if scope.get("method") == "POST":
                await self._submit(scope, receive, send)
                return
            query = _query(scope)
            facts = await self._requests.page(query.get("connectionRequestId", ""))
            await send_page(send, await self._page(scope, facts, query.get("auth", "")), headers=[_OPENER])
        except SyncomError as error:
            await self._refuse(send, error)

    async def go(self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """The way to an app's own page: a link, because a form's policy would not let its answer lead there."""
        query = _query(scope)
        try:
            going = await self._requests.depart(
                query.get("connectionRequestId", ""), query.get("auth", ""), browser=self._browser(scope)
            )
        except SyncomError as error:
            await self._refuse(send, error)
            return
        await _redirect(send, going.url, [self._set_cookie(going)])

    async def callback(self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """Where apps send people back to."""
        try:
            outcome = await self._requests.come_back(_query(scope), self._browser(scope) or "")
        except SyncomError as error:
            await self._refuse(send, error)
            return
        if outcome.redirect:
            await _redirect(send, outcome.redirect, [])
            return
        await send_page(send, _outcome_page(outcome), status=200 if outcome.fault is None else 400, headers=[_OPENER])

    async def entry(self, scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
        """A product's page sends a person here, with its token: as a form with ``payload`` (membrane-api, 6.6), or in
        the address. Other sites post here; what they may do is in the token, and no cookie is looked at."""
        try:
            given = await _entry_fields(scope, receive)
            by = await self._tenants.authenticate(str(given.get("token") or ""))
            wish = msgspec.structs.replace(
                msgspec.convert(given, ConnectBody).full_wish(), browser_origin=_origin_of(scope)
            )
            if wish.typed is None:
                request = await self._connections.request(by, wish)
                await _redirect(send, f"{PAGE_PATH}?connectionRequestId={request.request_id}", [])
                return
            made = await self._connect_now(by, wish)
            content = f"<h1>{escape(made.name)} is connected</h1><p>You can close this page.</p>"
            if wish.browser_request is not None:
                message = success(wish.browser_request, public_members(made))
                content += told_to_opener(message, wish.browser_origin)
            await send_page(send, page("Connected", content), headers=[_OPENER])
        except msgspec.MsgspecError:
            await self._refuse(send, Invalid("payload", "is not what connecting takes"))
        except SyncomError as error:
            await self._refuse(send, error)

    async def _connect_now(self, by: Caller, wish: ConnectionWish) -> Connection:
        """With what the product's page gave; a browser program that waits hears how it went."""
        if wish.browser_request is None:
            return await self._connections.connect(by, wish)
        asked = msgspec.structs.replace(wish, input=None, credentials=None)
        request = await self._connections.request(by, asked)
        try:
            made = await self._connections.connect(by, wish)
        except SyncomError as error:
            fault = Fault(type="connection", key=error.code, message=error.message)
            await self._requests.conclude(request, fault=fault)
            raise
        await self._requests.conclude(request, made=made)
        return made

    # ------------------------------------------------------------ forms

    async def _submit(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._authentication.check_origin(scope)
        fields = await read_form(scope, receive)
        request_id, auth_key = fields.get("connectionRequestId", ""), fields.get("auth", "")
        typed = {name.removeprefix(_FIELD): value for name, value in fields.items() if name.startswith(_FIELD)}
        try:
            if "cancel" in fields:
                done: Outcome | Departure = await self._requests.cancel(request_id)
            elif fields.get("own") == "yes":
                done = await self._requests.agree(request_id, _agreed(await self._person(scope)))
            else:
                done = await self._requests.submit(request_id, auth_key, typed, browser=self._browser(scope))
        except (Invalid, Upstream) as error:
            facts = await self._requests.page(request_id)
            body = await self._page(scope, facts, auth_key, typed=typed, problem=error)
            await send_page(send, body, status=422 if isinstance(error, Invalid) else 502, headers=[_OPENER])
            return
        await self._lead_on(send, done)

    async def _lead_on(self, send: Send, done: Outcome | Departure) -> None:
        """Show how it ended, or a page that leads on: the form's policy forbids its answer to do so itself."""
        if isinstance(done, Departure):
            await send_page(
                send, _leading(done.url), headers=[(b"refresh", _refresh(done.url)), self._set_cookie(done), _OPENER]
            )
        elif done.redirect:
            await send_page(send, _leading(done.redirect), headers=[(b"refresh", _refresh(done.redirect))])
        else:
            await send_page(send, _outcome_page(done), headers=[_OPENER])

    # ------------------------------------------------------------ who

    async def _person(self, scope: Scope) -> Principal:
        """The signed-in person; no key stands in for one. Raises Unauthorized."""
        token = self._authentication.session_token(scope)
        if token is None:
            raise Unauthorized("sign in first")
        person = await self._accounts.authenticate_session(token)
        if person.user_id is None:
            raise Unauthorized("sign in first")
        person.require_enrolled()
        return person

    def _browser(self, scope: Scope) -> str | None:
        try:
            morsel = SimpleCookie(header(scope, b"cookie")).get(self._cookie)
        except CookieError:
            return None
        return morsel.value if morsel is not None and morsel.value else None

    def _set_cookie(self, going: Departure) -> tuple[bytes, bytes]:
        secure = "; Secure" if self._secure else ""
        age = int(SIGN_IN_LIFE.total_seconds())
        text = f"{self._cookie}={going.browser}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
        return b"set-cookie", text.encode("ascii")

    # ------------------------------------------------------------ the page

    async def _page(
        self,
        scope: Scope,
        facts: PageFacts,
        chosen_key: str,
        *,
        typed: Mapping[str, str] | None = None,
        problem: Invalid | Upstream | None = None,
    ) -> bytes:
        request, connector = facts.request, facts.connector
        if request.status is not RequestStatus.PENDING:
            return _settled_page(facts)
        heading = (
            f"{_logo(connector.logo)}<h1>Connect {escape(connector.name)}</h1>"
            f"<p><strong>{escape(facts.tenant_name)}</strong> of <strong>{escape(facts.account_name)}</strong> asks to "
            f"use {escape(connector.name)} with your access. What you enter is stored sealed, is shown to nobody, and "
            "is used for requests of this connection only. If you did not ask for this, close the page.</p>"
        )
        if not facts.choices:
            return page(f"Connect {connector.name}", heading + _bad("There is no way to authenticate with this app."))
        chosen = next((one for one in facts.choices if one.key == chosen_key), facts.choices[0])
        said = _bad(_general(problem, chosen)) if problem is not None else ""
        if chosen.missing:
            form = _bad(_sentence(chosen.missing))
        elif chosen.own:
            form = await self._own_form(scope, facts, chosen)
        else:
            form = _form(facts, chosen, typed or {}, problem.fields if isinstance(problem, Invalid) else ())
        content = heading + said + form + _others(facts, chosen) + _cancel(request.request_id)
        return page(f"Connect {connector.name}", content)

    async def _own_form(self, scope: Scope, facts: PageFacts, chosen: AuthChoice) -> str:
        here = f"{PAGE_PATH}?{urlencode({'connectionRequestId': facts.request.request_id, 'auth': chosen.key})}"
        login = f'<p><a class="button" href="/login?{escape(urlencode({"next": here}))}">Sign in</a></p>'
        try:
            person = await self._person(scope)
        except Unauthorized:
            return f"<h2>{escape(chosen.title)}</h2><p>Sign in to this installation first.</p>{login}"
        if person.account_id != facts.request.account_id:
            return (
                f"<h2>{escape(chosen.title)}</h2>"
                + _bad(f"You are signed in to another account than {facts.account_name}.")
                + login
            )
        return (
            f"<h2>{escape(chosen.title)}</h2><p>The connection gets an API key of its own with your role "
            f"({escape(person.role.value)}); disconnecting revokes it.</p>"
            f'<form class="stack" method="post" action="{PAGE_PATH}">{_hidden(facts, chosen)}'
            '<input type="hidden" name="own" value="yes"><button>Connect this installation</button></form>'
        )

    async def _refuse(self, send: Send, error: SyncomError) -> None:
        """An error page that says what to do."""
        status, title = 400, "This did not work"
        message = error.message
        if isinstance(error, NotFound):
            status, title, message = 404, "This link is not known", "Ask for a new one where you came from."
        elif isinstance(error, StateRefused | Forbidden):
            status = 403
        elif isinstance(error, Unauthorized):
            status = 401
        elif isinstance(error, Conflict):
            status = 409
        content = f"<h1>{title}</h1>{_bad(_sentence(message))}"
        await send_page(send, page(title, content), status=status, headers=[_OPENER])


def _form(facts: PageFacts, chosen: AuthChoice, typed: Mapping[str, str], problems: Sequence[FieldError]) -> str:
    """The form of an option; a mere link when there is nothing to fill in before the app's own page."""
    known = dict(facts.request.wishes.parameters or {})
    if facts.connection is not None:
        known = {**facts.connection.input, **facts.connection.parameters, **known}
    wrong = {one.field.rpartition(".")[2]: one.reason for one in problems}
    fields = "".join(
        _field(name, member, name in _required(schema), typed.get(name, known.get(name)), wrong.get(name))
        for schema in (chosen.parameters_schema, chosen.input_schema)
        for name, member in forms.properties(schema).items()
    )
    about = f"<p>{escape(chosen.description)}</p>" if chosen.description else ""
    title = f"<h2>{escape(chosen.title)}</h2>{about}"
    if chosen.interactive and not fields:
        query = urlencode({"connectionRequestId": facts.request.request_id, "auth": chosen.key})
        go = f"Continue to {escape(facts.connector.name)}"
        return f'{title}<p><a class="button" href="{_GO}?{escape(query)}">{go}</a></p>'
    button = f"Continue to {escape(facts.connector.name)}" if chosen.interactive else "Connect"
    return (
        f'{title}<form class="stack" method="post" action="{PAGE_PATH}" autocomplete="off">{_hidden(facts, chosen)}'
        f"{fields}<button>{button}</button></form>"
    )


def _field(name: str, schema: Schema, required: bool, value: Any, wrong: str | None) -> str:
    label = escape(str(schema.get("title") or name))
    described = f' aria-describedby="{escape(name)}-help"'
    secret = forms.is_secret(name, schema)
    shown = "" if secret or value is None else str(value)
    if not shown and not secret and schema.get("default") is not None:
        shown = str(schema["default"])
    common = f'name="{_FIELD}{escape(name)}"{described}' + (" required" if required else "")
    if wrong is not None:
        common += ' aria-invalid="true"'
    kind = schema.get("type")
    choices = schema.get("enum")
    if kind == "boolean":
        checked = " checked" if shown.lower() in ("true", "on", "1", "yes") else ""
        entry = f'<input type="checkbox" name="{_FIELD}{escape(name)}" value="true"{described}{checked}>'
    elif isinstance(choices, list):
        options = "".join(_option(one, shown) for one in cast("list[object]", choices))
        entry = f"<select {common}>{options}</select>"
    elif _LONG.search(name) or schema.get("format") in ("textarea", "multiline"):
        entry = f'<textarea {common} rows="5" spellcheck="false">{escape(shown)}</textarea>'
    elif secret:
        entry = f'<input type="password" autocomplete="new-password" spellcheck="false" {common}>'
    else:
        entry = f'<input type="text" {common} value="{escape(shown)}">'
    help_text = str(schema.get("description") or "")
    notes = f'<span class="soft">{escape(help_text)}</span>' if help_text else ""
    if wrong is not None:
        said = _sentence(f"{schema.get('title') or name} {wrong}")
        notes += f'<span class="bad" role="alert">{escape(said)}</span>'
    mark = "" if required else ' <span class="soft">optional</span>'
    return f'<label>{label}{mark} {entry}<span id="{escape(name)}-help">{notes}</span></label>'


def _option(value: object, shown: str) -> str:
    chosen = " selected" if str(value) == shown else ""
    return f'<option value="{escape(str(value))}"{chosen}>{escape(str(value))}</option>'


def _required(schema: Schema) -> frozenset[str]:
    names = schema.get("required")
    return frozenset(str(name) for name in cast("list[object]", names)) if isinstance(names, list) else frozenset()


def _hidden(facts: PageFacts, chosen: AuthChoice) -> str:
    return (
        f'<input type="hidden" name="connectionRequestId" value="{escape(facts.request.request_id)}">'
        f'<input type="hidden" name="auth" value="{escape(chosen.key)}">'
    )


def _others(facts: PageFacts, chosen: AuthChoice) -> str:
    links = "".join(
        f'<li><a href="{PAGE_PATH}?'
        f"{escape(urlencode({'connectionRequestId': facts.request.request_id, 'auth': one.key}))}"
        f'">{escape(one.title)}</a></li>'
        for one in facts.choices
        if one.key != chosen.key
    )
    return f"<h2>Other ways</h2><ul>{links}</ul>" if links else ""


def _cancel(request_id: str) -> str:
    return (
        f'<form method="post" action="{PAGE_PATH}"><input type="hidden" name="connectionRequestId" '
        f'value="{escape(request_id)}"><p class="soft"><button class="quiet" name="cancel" value="yes">Do not connect'
        "</button></p></form>"
    )


def _general(problem: Invalid | Upstream, chosen: AuthChoice) -> str:
    """What is wrong, beside what stands at the fields."""
    if not isinstance(problem, Invalid):
        return problem.message
    known = {*forms.properties(chosen.input_schema), *forms.properties(chosen.parameters_schema)}
    loose = [one for one in problem.fields if one.field.rpartition(".")[2] not in known]
    if not loose:
        return "Please look at what is marked below."
    return "; ".join(one.reason if one.field != "credentials" else f"the credentials: {one.reason}" for one in loose)


def _outcome_page(outcome: Outcome) -> bytes:
    name = escape(outcome.connector.name)
    if outcome.fault is not None:
        content = f"<h1>{name} was not connected</h1>{_bad(_sentence(outcome.fault.message))}"
        content += "<p>Go back to where you came from to try again.</p>"
        return page("Not connected", content + _told(outcome))
    called = escape(outcome.connection.name) if outcome.connection is not None else name
    content = f"<h1>{name} is connected</h1><p>The connection is called <strong>{called}</strong>.</p>"
    return page("Connected", content + "<p>You can close this page.</p>" + _told(outcome))


def _told(outcome: Outcome) -> str:
    """How it ended, for the page that opened this one."""
    request = outcome.request
    if outcome.fault is not None:
        message = failure(name_of(request), outcome.fault, request.connection_id)
    elif outcome.connection is not None:
        message = success(name_of(request), public_members(outcome.connection))
    else:
        return ""
    return told_to_opener(message, request.wishes.browser_origin)


def _origin_of(scope: Scope) -> str | None:
    """Of the page that posted a form here; None where the browser does not say."""
    origin = header(scope, b"origin")
    return origin if _ORIGIN.fullmatch(origin) else None


def _settled_page(facts: PageFacts) -> bytes:
    name = escape(facts.connector.name)
    if facts.request.status is RequestStatus.SUCCESS:
        return page("Connected", f"<h1>{name} is connected</h1><p>You can close this page.</p>")
    fault = facts.request.result_fault
    said = _bad(_sentence(fault.message)) if fault is not None else ""
    return page(
        "Not connected", f"<h1>{name} was not connected</h1>{said}<p>Ask for a new link where you came from.</p>"
    )


def _leading(target: str) -> bytes:
    content = f'<h1>One moment</h1><p><a class="button" href="{escape(target)}" rel="noreferrer">Continue</a></p>'
    return page("Continue", content)


def _refresh(target: str) -> bytes:
    return f"0; url={target}".encode("ascii")


def _logo(logo: str) -> str:
    """Pictures come with the page: nothing is fetched from elsewhere, which would tell others who is here."""
    return f'<img src="{escape(logo)}" alt="" width="48" height="48">' if _LOGO.fullmatch(logo) else ""


def _bad(text: str) -> str:
    return f'<p class="bad" role="alert">{escape(text)}</p>'


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _agreed(person: Principal) -> Agreed:
    assert person.user_id is not None
    return Agreed(account_id=person.account_id, user_id=person.user_id, role=person.role.value)


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), max_num_fields=50))


async def _entry_fields(scope: Scope, receive: Receive) -> dict[str, Any]:
    """The members of a browser's call: those of ``payload``, over those beside it."""
    fields: dict[str, Any] = dict(await read_form(scope, receive) if scope.get("method") == "POST" else _query(scope))
    payload = fields.pop("payload", None)
    if payload is None:
        return fields
    members = msgspec.json.decode(payload)
    if not isinstance(members, dict):
        raise Invalid("payload", "must be a JSON object")
    return {**fields, **cast("dict[str, Any]", members)}


async def _redirect(send: Send, target: str, headers: list[tuple[bytes, bytes]]) -> None:
    given = [(b"location", target.encode("ascii")), (b"content-length", b"0"), _OPENER, *headers]
    await send({"type": "http.response.start", "status": 303, "headers": given})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


_PAGES: Final = frozenset({"GET", "POST"})

MOUNTS: Final = (
    Mount("/screens/connections", lambda edge: Screens(edge).connections, verbs=_PAGES, cors=False),
    Mount("/connect", lambda edge: Screens(edge).entry, verbs=frozenset({"POST"}), cors=False),
    Mount("/screens/connect", lambda edge: Screens(edge).entry, verbs=_PAGES, cors=False),
    Mount("/screens/connection", lambda edge: Screens(edge).entry, verbs=_PAGES, cors=False),
    Mount("/screens/connections/go", lambda edge: Screens(edge).go, verbs=frozenset({"GET"}), cors=False),
    Mount(
        CALLBACK_PATH.removeprefix("/membrane"),
        lambda edge: Screens(edge).callback,
        verbs=frozenset({"GET"}),
        cors=False,
    ),
)
