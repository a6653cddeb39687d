"""OAuth 2 as a client: authorization code with PKCE, client credentials, JWT bearer, refresh, revocation.

RFC 6749 (framework), 7009 (revocation), 7523 (JWT bearer), 7636 (PKCE). Every request goes through the guarded
outbound client and follows no redirect; no error repeats what was sent.
"""

from __future__ import annotations

import asyncio
import math
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any, Final, cast
from urllib.parse import parse_qsl, quote, urlencode
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import import_key
from yarl import URL

from syncom.clock import Clock
from syncom.connect.connections import placing
from syncom.connect.connections.redaction import strike
from syncom.connect.model import OAuthConfig
from syncom.errors import Conflict, Invalid, SyncomError, Upstream
from syncom.outbound import Answer, OutboundClient, Unreachable, retry_after

#: Seconds for one request to a token endpoint. Shorter than the lease of whoever renews.
TOKEN_SECONDS: Final = 20.0
_ANSWER_BYTES: Final = 256 * 1024
#: Of a provider's words, for people to read.
_WORDS: Final = 300
_ASSERTION_LIFE: Final = 300
_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: Codes of RFC 6749, 5.2 that a person settles by connecting again, beside those of some large providers.
_GRANT_CODES: Final = frozenset(
    {"invalid_grant", "bad_refresh_token", "bad_verification_code", "invalid_refresh_token", "token_revoked",
     "token_expired", "access_denied", "interaction_required", "login_required", "consent_required"}
)  # fmt: skip
_CLIENT_CODES: Final = frozenset({"invalid_client", "unauthorized_client", "invalid_client_id", "bad_client_secret"})
_LATER_CODES: Final = frozenset({"temporarily_unavailable", "server_error", "slow_down", "rate_limited", "ratelimited"})


class Reason(Enum):
    """Why a token endpoint said no for good."""

    __hash__ = object.__hash__

    #: The person's consent, code or refresh token is worth nothing any more.
    GRANT = "grant"
    #: The client is wrong: its id, its secret, or what it may do.
    CLIENT = "client"
    #: The request itself is wrong: scopes, addresses.
    REQUEST = "request"


class TokenRefused(SyncomError):
    """The provider said no, and will say it again."""

    code = "token_refused"

    def __init__(self, message: str, reason: Reason, error: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.error = error


class TokenTrouble(Upstream):
    """There was no answer to use. ``begun``: the provider may have done what it was asked, and the answer was lost."""

    code = "token_trouble"

    def __init__(self, message: str, *, begun: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.begun = begun
        self.retry_after = retry_after


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are to a provider."""

    client_id: str
    client_secret: str = ""

    def __repr__(self) -> str:
        return f"Client({self.client_id!r})"


class OAuthClient:
    """Talks to authorization servers."""

    def __init__(self, outbound: OutboundClient, clock: Clock, *, seconds: float = TOKEN_SECONDS) -> None:
        self._outbound = outbound
        self._clock = clock
        self.seconds = seconds

    def authorize_url(
        self,
        config: OAuthConfig,
        client: Client,
        *,
        parameters: Mapping[str, Any],
        redirect_uri: str,
        state: str,
        verifier: str,
    ) -> str:
        """Where the person goes. Raises Invalid for an address that cannot be made of the parameters."""
        asked = {
            **config.extra,
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
        }
        if config.scopes:
            asked["scope"] = config.scope_separator.join(config.scopes)
        if config.pkce:
            asked |= {"code_challenge": challenge_of(verifier), "code_challenge_method": "S256"}
        return str(URL(placing.address(config.authorize_url, parameters)).extend_query(asked))

    async def exchange(
        self,
        config: OAuthConfig,
        client: Client,
        *,
        parameters: Mapping[str, Any],
        code: str,
        redirect_uri: str,
        verifier: str,
    ) -> dict[str, Any]:
        """Tokens for a code (RFC 6749, 4.1.3). Raises TokenRefused, TokenTrouble."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if config.pkce:
            fields["code_verifier"] = verifier
        return await self._tokens(config, client, parameters, fields, (code, verifier))

    async def refresh(
        self, config: OAuthConfig, client: Client, *, parameters: Mapping[str, Any], refresh_token: str
    ) -> dict[str, Any]:
        """Fresh tokens (RFC 6749, 6). Raises TokenRefused, TokenTrouble."""
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self._tokens(config, client, parameters, fields, (refresh_token,))

    async def client_credentials(
        self, config: OAuthConfig, client: Client, *, parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A token for the client itself (RFC 6749, 4.4). Raises TokenRefused, TokenTrouble."""
        fields = {"grant_type": "client_credentials", **config.extra}
        if config.scopes:
            fields["scope"] = config.scope_separator.join(config.scopes)
        return await self._tokens(config, client, parameters, fields, ())

    async def jwt_bearer(
        self, config: OAuthConfig, *, parameters: Mapping[str, Any], typed: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A token for a signed assertion (RFC 7523, 2.1). Raises Invalid, TokenRefused, TokenTrouble."""
        assertion = self._assertion(config, parameters, with_key_file(typed))
        fields = {"grant_type": _JWT_BEARER, "assertion": assertion, **config.extra}
        return await self._tokens(config, None, parameters, fields, (assertion,))

    async def revoke(self, config: OAuthConfig, client: Client, *, parameters: Mapping[str, Any], token: str) -> str:
        """End a grant at the provider (RFC 7009); why it could not be done, empty when it was."""
        try:
            headers, fields = _authenticated(config, client, {"token": token})
            url = placing.address(config.revoke_url, parameters)
            answer = await self._post(url, headers, fields)
        except (Unreachable, Invalid, TimeoutError) as error:
            return strike(str(error), (token, client.client_secret))
        return "" if answer.status < 300 else f"the provider answered {answer.status} to the revocation"

    def _assertion(self, config: OAuthConfig, parameters: Mapping[str, Any], typed: Mapping[str, Any]) -> str:
        now = math.floor(self._clock.now().timestamp())
        try:
            given = {name: placing.fill(text, typed, parameters) for name, text in config.assertion.items()}
        except Conflict as error:
            raise Invalid("input", error.message) from None
        key = given.pop("key", "")
        header = {"alg": config.algorithm} | ({"kid": given.pop("kid")} if "kid" in given else {})
        usual: dict[str, Any] = {
            "aud": placing.address(config.token_url, parameters),
            "iat": now,
            "exp": now + _ASSERTION_LIFE,
            "jti": uuid4().hex,
        }
        for name, member in (("iss", "issuer"), ("sub", "subject")):
            if typed.get(member):
                usual[name] = typed[member]
        if config.scopes:
            usual["scope"] = config.scope_separator.join(config.scopes)
        symmetric = config.algorithm.startswith("HS")
        names = ("clientSecret", "secret") if symmetric else ("privateKey", "private_key")
        key = key or next((str(typed[name]) for name in names if typed.get(name)), "")
        try:
            imported = import_key(key.replace("\\n", "\n"), "oct" if symmetric else _key_type(config.algorithm))
            return jwt.encode(header, {**usual, **given}, imported, algorithms=[config.algorithm])
        except (JoseError, ValueError, TypeError):
            raise Invalid(f"input.{names[0]}", f"is not a key that {config.algorithm} can sign with") from None

    async def _tokens(
        self,
        config: OAuthConfig,
        client: Client | None,
        parameters: Mapping[str, Any],
        fields: Mapping[str, str],
        secret: Iterable[str],
    ) -> dict[str, Any]:
        hidden = (*secret, *((client.client_secret,) if client is not None else ()))
        headers, body = _authenticated(config, client, fields)
        try:
            url = placing.address(config.token_url, parameters)
            answer = await self._post(url, headers, body)
        except (Unreachable, TimeoutError) as error:
            begun = not isinstance(error, Unreachable) or error.begun
            raise TokenTrouble(strike(str(error) or "no answer in time", hidden), begun=begun) from None
        except Invalid as error:
            raise TokenRefused(strike(error.message, hidden), Reason.REQUEST) from None
        return _read(answer, hidden, self._clock.now())

    async def _post(self, url: str, headers: Mapping[str, str], fields: Mapping[str, str]) -> Answer:
        given = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            **headers,
        }
        # The client has a limit of its own; this one holds whatever it is doing, so that a lease is never outlived.
        async with asyncio.timeout(self.seconds + 1):
            return await self._outbound.call(
                "POST", url, headers=given, body=urlencode(fields).encode(), seconds=self.seconds, limit=_ANSWER_BYTES
            )


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def expiry_of(token: Mapping[str, Any], now: datetime) -> datetime | None:
    """When an answer's access token ends, by ``expires_in`` (seconds) or an absolute ``expires_at``/``expires_on``."""
    seconds = _number(token.get("expires_in"))
    if seconds is not None and seconds > 0:
        return now + timedelta(seconds=min(seconds, 10 * 366 * 86400))
    for name in ("expires_at", "expires_on", "expiry"):
        value = token.get(name)
        number = _number(value)
        try:
            if number is not None and number > 0:
                return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
            if isinstance(value, str) and value:
                moment = datetime.fromisoformat(value)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def merged(before: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """What to keep after a renewal: a provider that sends no new refresh token means the old one to stay."""
    kept = {name: value for name, value in before.items() if name not in ("expires_in", "expires_at", "expires_on")}
    return {**kept, **answer}


def with_key_file(typed: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, with the members of a key file (JSON with a ``private_key``) that was pasted whole."""
    found = dict(typed)
    for value in typed.values():
        if not isinstance(value, str) or not value.lstrip().startswith("{") or "private_key" not in value:
            continue
        try:
            members = msgspec.json.decode(value)
        except msgspec.DecodeError:
            continue
        if isinstance(members, dict):
            found |= {name: member for name, member in cast("dict[str, Any]", members).items() if name not in found}
    return found


def _authenticated(
    config: OAuthConfig, client: Client | None, fields: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and fields with the client's own authentication (RFC 6749, 2.3.1)."""
    if client is None:
        return {}, dict(fields)
    if client.client_secret and config.client_auth == "header":
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}, dict(fields)
    secret = {"client_secret": client.client_secret} if client.client_secret else {}
    return {}, {**fields, "client_id": client.client_id, **secret}


def _read(answer: Answer, hidden: Iterable[str], now: datetime) -> dict[str, Any]:
    """The tokens of an answer."""
    members = _members(answer)
    error = _error_of(members)
    if answer.status == 429 or answer.status >= 500 or error in _LATER_CODES:
        # A gateway may answer for a provider that did its part: only 429 and 503 say that nothing was done.
        begun = answer.status >= 500 and answer.status != 503
        raise TokenTrouble(
            _said(answer, members, hidden), begun=begun, retry_after=retry_after(answer.headers.items(), now)
        )
    if error:
        reason = Reason.GRANT if error in _GRANT_CODES else Reason.CLIENT if error in _CLIENT_CODES else Reason.REQUEST
        raise TokenRefused(_said(answer, members, hidden), reason, error)
    if answer.status in (400, 401, 403) and members is not None:
        raise TokenRefused(_said(answer, members, hidden), Reason.REQUEST)
    if not 200 <= answer.status < 300 or members is None:
        raise TokenTrouble(_said(answer, members, hidden), begun=200 <= answer.status < 300)
    token = members.get("access_token")
    if not isinstance(token, str) or not token or not token.isprintable():
        raise TokenTrouble("the provider's answer has no access_token", begun=True)
    refresh = members.get("refresh_token")
    if refresh is not None and (not isinstance(refresh, str) or not refresh):
        members = {name: value for name, value in members.items() if name != "refresh_token"}
    return members


def _members(answer: Answer) -> dict[str, Any] | None:
    """An answer's members: JSON, or the form encoding of some old providers; None for anything else."""
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        kind = answer.headers.get("Content-Type", "")
        if "form" not in kind and "text/plain" not in kind:
            return None
        pairs = dict(parse_qsl(answer.body.decode("utf-8", "replace"), max_num_fields=50))
        return pairs if "access_token" in pairs or "error" in pairs else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _error_of(members: Mapping[str, Any] | None) -> str:
    if members is None:
        return ""
    error = members.get("error")
    if isinstance(error, dict):
        error = cast("dict[str, Any]", error).get("code") or cast("dict[str, Any]", error).get("type")
    if isinstance(error, str) and error:
        return error
    return "unknown_error" if members.get("ok") is False else ""


def _said(answer: Answer, members: Mapping[str, Any] | None, hidden: Iterable[str]) -> str:
    """What the provider said, for people; without anything that was sent."""
    words = ""
    if members is not None:
        said = members.get("error_description") or members.get("message") or ""
        words = " ".join(part for part in (_error_of(members), said if isinstance(said, str) else "") if part)
    words = "".join(char if char.isprintable() else " " for char in words)
    status = f"the provider answered {answer.status}"
    return f"{status}: {strike(words, hidden)[:_WORDS]}" if words else f"{status} with no error that can be read"


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str) and value.strip().isdecimal():
        return float(value)
    return None


def _key_type(algorithm: str) -> Any:
    return {"ES": "EC", "Ed": "OKP"}.get(algorithm[:2], "RSA")
