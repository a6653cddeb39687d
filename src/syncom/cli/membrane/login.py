"""Logging in and out, and who one is (membrane-api, 3.4 and 7.3).

The login is OAuth's authorization code with PKCE (RFC 7636). With a browser the code comes back to a port of this
machine (RFC 8252); without one the server's page shows it, and ``login complete`` takes it. Codes work once, for ten
minutes, and only together with the verifier that stays here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from syncom.cli.membrane.browser import has_browser, may_ask, show_page
from syncom.cli.membrane.client import Client
from syncom.cli.membrane.document import inside, object_of, text
from syncom.cli.membrane.errors import DONE, PENDING, Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.loopback import Listener
from syncom.cli.membrane.output import lines, remark, show, write_json
from syncom.cli.membrane.session import (
    CLIENT_ID,
    PERSON,
    TENANT,
    Session,
    derive,
    expiry,
    logged_in,
)
from syncom.cli.membrane.storage import PendingLogin, Profile

#: How long a code is good (membrane-api, 15 item 12).
_CODE_LIFE = timedelta(minutes=10)
_NEXT = "Next: membrane search APP --elementType=connector"


def login(given: Given) -> int:
    """``login``: through the browser, or as ``login start`` where there is none."""
    if not may_ask(given.on("non-interactive")) or not has_browser():
        return start(given)
    session = Session(given)
    with Listener() as listener:
        pending = _begun(session, listener.address)
        url = _authorize_url(session, pending)
        remark(f"Log in in the browser. If none opens, go to:\n{url}")
        show_page(url)
        code = listener.code(pending.state)
        profile = _exchanged(session, pending, code)
    return _done(given, session, profile)


def start(given: Given) -> int:
    """``login start``: print the address, keep the verifier, end."""
    session = Session(given)
    pending = _begun(session, f"{session.settings.api_uri}/oauth/code")
    url = _authorize_url(session, pending)
    with session.settings.storage.locked():
        session.settings.storage.wait_for_code(pending)
    if given.json:
        ends = pending.expires_at.isoformat(timespec="seconds")
        write_json({"status": "pending", "url": url, "expiresAt": ends})
    else:
        print(f"Open this page, log in, and come back with the code it shows:\n\n{url}\n")
    remark(f"Next: {given.program} login complete CODE")
    return PENDING


def complete(given: Given) -> int:
    """``login complete CODE``; the address of the page with the code is taken, too."""
    session = Session(given)
    storage = session.settings.storage
    pending = storage.pending()
    if pending is None:
        raise Failed("no login waits for a code: run `membrane login --tenant` again", key="no_pending_login")
    asked = given.text("apiUri")
    if asked is not None and session.settings.api_uri != pending.api_uri:
        raise Misuse(f"the login that waits is for {pending.api_uri}")
    session.settings = session.settings._replace(api_uri=pending.api_uri)
    profile = _exchanged(session, pending, _code(given.word(), pending.state))
    return _done(given, session, profile)


def logout(given: Given) -> int:
    """``logout``: the server forgets the login, and so does this machine, even where the server is away."""
    session = Session(given)
    settings = session.settings
    profile = settings.storage.profile(settings.api_uri)
    if profile is not None:
        try:
            token = profile.refresh_token or profile.access_token
            session.anonymous().form("oauth/revoke", {"token": token, "client_id": CLIENT_ID})
        except Failed as error:
            remark(f"The server was not told: {error.message}")
        with settings.storage.locked():
            settings.storage.log_out(settings.api_uri)
    words = f"Logged out of {settings.api_uri}." if profile else f"Nobody was logged in at {settings.api_uri}."
    show(given, {"status": "success", "apiUri": settings.api_uri}, lambda: print(words))
    return DONE


def status(given: Given) -> int:
    """``status``: asks the server, so that it also says whether the token still works."""
    session = Session(given)
    settings = session.settings
    # Without any token this says what to do.
    known = None if settings.access_token or settings.workspace_secret else session.profile()
    answer = session.person().get("account" if known and known.scope == PERSON else "self")
    found = object_of(answer) or {}
    said = {
        "status": "success",
        "apiUri": settings.api_uri,
        "scope": known.scope if known else TENANT,
        "email": known.email if known else None,
        "workspaceKey": _first(
            found.get("workspaceKey"), text(inside(found, "workspace"), "key"), known and known.workspace_key
        ),
        "tenantKey": _first(found.get("internalId"), known and known.tenant_key),
        "tenantName": found.get("name") if known is None or known.scope != PERSON else None,
        "expiresAt": known.expires_at.isoformat(timespec="seconds") if known and known.expires_at else None,
    }
    show(given, said | {"self": found}, lines((name, value) for name, value in said.items() if name != "status"))
    return DONE


def open_console(given: Given) -> int:
    """``open``: the server's pages."""
    settings = Session(given).settings
    url = settings.console_uri or settings.api_uri.removesuffix("/membrane")
    may_open = not given.on("non-interactive") and has_browser()
    if may_open:
        show_page(url)
    show(given, {"url": url, "opened": may_open}, lambda: print(url))
    return DONE


def token(given: Given) -> int:
    """``token``: bare, for ``Authorization: Bearer``."""
    session, lifetime = Session(given), _lifetime(given)
    if session.settings.workspace_secret and not session.settings.access_token:
        found = session.minted(lifetime=lifetime or timedelta(hours=1), manager=given.on("manager"))
    elif lifetime is not None:
        raise Misuse(
            "--expiresIn needs the workspace's secret: set MEMBRANE_WORKSPACE_KEY and MEMBRANE_WORKSPACE_SECRET"
        )
    elif given.on("manager"):
        if session.settings.access_token or session.profile().scope != PERSON:
            raise Misuse("--manager needs the workspace's secret, or a login without --tenant")
        found = derive(session, {"isAdmin": True})
    else:
        found = session.tokens().token()
    ends = expiry(found)
    said = {"token": found, "expiresAt": ends.isoformat(timespec="seconds") if ends else None}
    show(given, said, lambda: print(found))
    return DONE


def credentials(given: Given) -> int:
    """``credentials``: what the commands use; the secret only where this machine was given it."""
    settings = Session(given).settings
    profile = settings.storage.profile(settings.api_uri)
    secret = settings.workspace_secret
    said = {
        "apiUri": settings.api_uri,
        "workspaceKey": settings.workspace_key.value if settings.workspace_key else (profile and profile.workspace_key),
        "workspaceSecret": secret.value if secret else None,
        "tenantKey": settings.tenant_key.value if settings.tenant_key else (profile and profile.tenant_key),
    }
    if given.on("shell"):
        import shlex

        names = ("MEMBRANE_API_URI", "MEMBRANE_WORKSPACE_KEY", "MEMBRANE_WORKSPACE_SECRET", "MEMBRANE_TENANT_KEY")
        for name, value in zip(names, said.values(), strict=True):
            if value:
                print(f"export {name}={shlex.quote(value)}")
        return DONE
    show(given, {name: value or None for name, value in said.items()}, lines(said.items()))
    return DONE


# ---------------------------------------------------------------- the steps


def _begun(session: Session, redirect_uri: str) -> PendingLogin:
    settings = session.settings
    if settings.api_uri.startswith("http:") and urlsplit(settings.api_uri).hostname not in _LOOPBACK:
        remark(f"Careful: {settings.api_uri} is not encrypted; whoever is on the way can read the token.")
    return PendingLogin(
        api_uri=settings.api_uri,
        code_verifier=secrets.token_urlsafe(48),
        state=secrets.token_urlsafe(24),
        redirect_uri=redirect_uri,
        scope=TENANT if session.given.on("tenant") else PERSON,
        expires_at=datetime.now(UTC) + _CODE_LIFE,
    )


_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _authorize_url(session: Session, pending: PendingLogin) -> str:
    import base64

    digest = hashlib.sha256(pending.code_verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": pending.redirect_uri,
        "scope": pending.scope,
        "state": pending.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    # What the login is called, and what the page may choose beforehand.
    wishes = {
        "client_name": session.given.text("clientName"),
        "workspace_key": session.given.text("workspaceKey"),
        "tenant_key": session.given.text("tenantKey"),
    }
    query |= {name: value for name, value in wishes.items() if value}
    return f"{pending.api_uri}/oauth/authorize?{urlencode(query)}"


def _exchanged(session: Session, pending: PendingLogin, code: str) -> Profile:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": pending.redirect_uri,
        "client_id": CLIENT_ID,
        "code_verifier": pending.code_verifier,
    }
    try:
        answer = Client(pending.api_uri, verbose=session.given.on("verbose")).form("oauth/token", fields)
    except Failed as error:
        if error.key != "invalid_grant":
            raise
        raise Failed(
            f"the code was not taken ({error.message}): a code works once, for ten minutes, where the login began; "
            "run `membrane login --tenant` for another",
            key="invalid_grant",
        ) from None
    profile = logged_in(answer, scope=pending.scope)
    with session.settings.storage.locked():
        session.settings.storage.log_in(pending.api_uri, profile)
    return profile


def _done(given: Given, session: Session, profile: Profile) -> int:
    settings = session.settings
    said = {
        "status": "success",
        "apiUri": settings.api_uri,
        "workspaceKey": profile.workspace_key or None,
        "tenantKey": profile.tenant_key or None,
        "email": profile.email or None,
    }
    who = f" as {profile.email}" if profile.email else ""
    where = f", tenant {profile.tenant_key}" if profile.scope == TENANT and profile.tenant_key else ""

    def human() -> None:
        print(f"Logged in{who} at {settings.api_uri}{where}.")
        if not given.verb.afterwards:
            remark(_NEXT)

    show(given, said, human)
    return DONE


def _code(pasted: str, state: str) -> str:
    """The code of what was pasted: the code alone, or the address of the page that showed it. Raises Failed."""
    if "://" not in pasted:
        return pasted.strip()
    query = parse_qs(urlsplit(pasted).query)
    if "state" in query and not secrets.compare_digest(query["state"][0].encode(), state.encode()):
        raise Failed("this page belongs to another login: run `membrane login --tenant` again", key="state_mismatch")
    if "code" not in query:
        raise Misuse("there is no code in this address")
    return query["code"][0]


def _lifetime(given: Given) -> timedelta | None:
    written = given.text("expiresIn")
    if written is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd]?)", written)
    seconds = int(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else 0
    if not 0 < seconds <= 365 * 86400:
        raise Misuse(f"--expiresIn must be a time such as 90s, 30m, 1h or 7d, not {written!r}")
    return timedelta(seconds=seconds)


def _first(*values: object) -> object:
    return next((value for value in values if value), None)
