"""With which token a command asks.

* ``MEMBRANE_ACCESS_TOKEN`` or ``MEMBRANE_TOKEN``: as it is.
* A workspace's key and secret: a token made here for the tenant (membrane-api, 3.2), good for a minute's work.
* A login for one tenant: its access token, renewed when it is about to end.
* A login without a tenant: the tenant's token is asked for with the person's (3.3), and kept until it is about to end.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from syncom.cli.membrane.client import Client, Tokens, part
from syncom.cli.membrane.document import object_of, text
from syncom.cli.membrane.errors import Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.settings import Settings, load
from syncom.cli.membrane.storage import Derived, Profile

CLIENT_ID = "membrane-cli"
TENANT, PERSON = "tenant", "platform-user"
#: How long a token made here is good, and a derived one when the server does not say.
_LIFETIME = timedelta(hours=1)


class Session:
    """One command's settings, and the server as it may be asked."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.settings = load(given)

    def anonymous(self) -> Client:
        """The server without a token: OAuth's endpoints."""
        return Client(self.settings.api_uri, verbose=self.given.on("verbose"))

    def tenant(self) -> Client:
        """The server for a tenant."""
        return self._client(self.tokens())

    def person(self) -> Client:
        """The server for whoever logged in, with or without a tenant."""
        if self.settings.access_token or self.settings.workspace_secret:
            return self.tenant()
        return self._client(Login(self))

    def tokens(self) -> Tokens:
        """A tenant's tokens, from the first place that has some. Raises Failed when one must log in."""
        settings = self.settings
        if settings.access_token:
            return Fixed(settings.trusted(settings.access_token))
        if settings.workspace_secret:
            return Fixed(self.minted(lifetime=_LIFETIME))
        profile = self.profile()
        return Login(self) if profile.scope != PERSON else DerivedTokens(self)

    def profile(self) -> Profile:
        """The login at this server. Raises Failed when there is none."""
        found = self.settings.storage.profile(self.settings.api_uri)
        if found is None or not found.access_token:
            raise Failed(
                f"you are not logged in at {self.settings.api_uri}: run `membrane login --tenant`",
                key="not_authenticated",
            )
        return found

    def minted(self, *, lifetime: timedelta, manager: bool = False) -> str:
        """A token signed with the workspace's secret. Raises Misuse when key or tenant are not known."""
        settings = self.settings
        secret, key, tenant = settings.workspace_secret, settings.workspace_key, settings.tenant_key
        if secret is None or key is None:
            raise Misuse("set MEMBRANE_WORKSPACE_KEY and MEMBRANE_WORKSPACE_SECRET, both")
        claims: dict[str, Any] = {"workspaceKey": key.value, "iss": key.value}
        if manager:
            claims["isAdmin"] = True
        elif tenant is None:
            raise Misuse("which tenant? Name it with --tenantKey or MEMBRANE_TENANT_KEY")
        else:
            claims |= {"tenantKey": tenant.value, "id": tenant.value}
        now = int(time.time())
        return signed(claims | {"iat": now, "exp": now + int(lifetime.total_seconds())}, settings.trusted(secret))

    def _client(self, tokens: Tokens) -> Client:
        return Client(self.settings.api_uri, tokens, verbose=self.given.on("verbose"))


class Fixed:
    """A token that is as it is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token

    def renewed(self, refused: str) -> None:
        """There is no other."""


class Login:
    """The access token of the login itself."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def token(self) -> str:
        profile = self._session.profile()
        _bound(profile, self._session.settings)
        return profile.access_token if profile.fresh else self._refreshed(profile.access_token)

    def renewed(self, refused: str) -> str | None:
        return self._refreshed(refused) if self._session.profile().refresh_token else None

    def _refreshed(self, old: str) -> str:
        """A new access token in place of ``old``: asked for once, however many commands want it at this moment."""
        settings = self._session.settings
        with settings.storage.locked():
            profile = self._session.profile()
            if profile.access_token != old and profile.fresh:
                return profile.access_token
            if not profile.refresh_token:
                raise _ended(settings)
            fields = {
                "grant_type": "refresh_token",
                "refresh_token": profile.refresh_token,
                "client_id": CLIENT_ID,
                "scope": profile.scope,
            }
            try:
                answer = self._session.anonymous().form("oauth/token", fields)
            except Failed as error:
                raise (_ended(settings) if error.key == "invalid_grant" else error) from None
            newer = logged_in(answer, scope=profile.scope, before=profile)
            settings.storage.renew(settings.api_uri, newer)
            return newer.access_token


class DerivedTokens:
    """A tenant's token made with the person's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def token(self) -> str:
        found = self._session.profile().derived.get(self._name())
        return found.token if found and found.fresh else self._derived("")

    def renewed(self, refused: str) -> str:
        return self._derived(refused)

    def _name(self) -> str:
        return "/".join(workspace_and_tenant(self._session))

    def _derived(self, refused: str) -> str:
        session, settings, name = self._session, self._session.settings, self._name()
        # Before the lock: renewing the person's token takes it, too.
        token = derive(session, {"tenantKey": workspace_and_tenant(session)[1]})
        with settings.storage.locked():
            profile = session.profile()
            kept = profile.derived.get(name)
            if kept and kept.fresh and kept.token != refused:
                return kept.token
            fresh = {one: made for one, made in profile.derived.items() if made.fresh}
            fresh[name] = Derived(token, expiry(token) or datetime.now(UTC) + _LIFETIME)
            settings.storage.renew(settings.api_uri, profile._replace(derived=fresh))
        return token


def derive(session: Session, wish: dict[str, Any]) -> str:
    """A token of the workspace, made by the server with the person's (membrane-api, 3.3). Raises Failed."""
    workspace, _ = workspace_and_tenant(session)
    client = Client(session.settings.api_uri, Login(session), verbose=session.given.on("verbose"))
    answer = client.post(f"org-workspaces/{part(workspace)}/access-token", wish)
    token = text(object_of(answer) or {}, "token")
    if not token:
        raise Failed("the server gave no token", key="server_unreachable", kind="internal")
    return token


def workspace_and_tenant(session: Session) -> tuple[str, str]:
    """Which workspace and tenant a login without a tenant is used for. Raises Misuse when that is not known."""
    profile, settings = session.profile(), session.settings
    workspace = settings.workspace_key.value if settings.workspace_key else profile.workspace_key
    tenant = settings.tenant_key.value if settings.tenant_key else profile.tenant_key
    if not workspace or not tenant:
        missing = "--workspaceKey" if not workspace else "--tenantKey"
        raise Misuse(f"which one? Name it with {missing}, or log in for one tenant: `membrane login --tenant`")
    return workspace, tenant


def logged_in(answer: dict[str, Any], *, scope: str, before: Profile | None = None) -> Profile:
    """A login as the token endpoint answers it (membrane-api, 3.4). Raises Failed."""

    def said(name: str, known: str) -> str:
        value = answer.get(name)
        return value if isinstance(value, str) and value else known

    access_token, lifetime = said("access_token", ""), answer.get("expires_in")
    if not access_token:
        raise Failed("the server gave no token", key="server_unreachable", kind="internal")
    good_for = timedelta(seconds=lifetime) if isinstance(lifetime, (int, float)) else None
    return Profile(
        access_token=access_token,
        refresh_token=said("refresh_token", before.refresh_token if before else ""),
        expires_at=datetime.now(UTC) + good_for if good_for else None,
        scope=scope,
        email=said("email", before.email if before else ""),
        org_id=said("org_id", before.org_id if before else ""),
        workspace_key=said("default_workspace_key", before.workspace_key if before else ""),
        tenant_key=said("default_tenant_key", before.tenant_key if before else ""),
        derived=before.derived if before else {},
    )


def signed(claims: dict[str, Any], secret: str) -> str:
    """A JSON Web Token (RFC 7519) signed with HMAC-SHA256."""
    import hashlib
    import hmac

    head = _base64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signing = f"{head}.{_base64(json.dumps(claims).encode())}"
    return f"{signing}.{_base64(hmac.digest(secret.encode(), signing.encode(), hashlib.sha256))}"


def expiry(token: str) -> datetime | None:
    """When a JSON Web Token ends; None where that is not to be read. Not checked: it came from its maker."""
    parts = token.split(".")
    try:
        claims = object_of(json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))) or {}
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _bound(profile: Profile, settings: Settings) -> None:
    """Raises Misuse when another tenant is asked for than the login is for."""
    if profile.scope != TENANT:
        return
    for said, known, flag in (
        (settings.workspace_key, profile.workspace_key, "workspace"),
        (settings.tenant_key, profile.tenant_key, "tenant"),
    ):
        if said and known and said.value != known:
            raise Misuse(
                f"this login is for the {flag} {known}, not {said.value}: log in without --tenant to work for several"
            )


def _ended(settings: Settings) -> Failed:
    return Failed(f"the login at {settings.api_uri} has ended: run `membrane login --tenant`", key="not_authenticated")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
