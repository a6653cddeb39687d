"""Proves credentials before they are stored: gets a token where one is needed, and makes the connector's test call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from yarl import URL

from syncom.clock import Clock
from syncom.connect.connections import forms, placing
from syncom.connect.connections.model import Stored
from syncom.connect.connections.oauth import Client, OAuthClient, Reason, TokenRefused, expiry_of, with_key_file
from syncom.connect.connections.redaction import strike
from syncom.connect.model import AuthKind, AuthOption, Authorisation, Connector
from syncom.connect.pointer import at_pointer, is_failure
from syncom.errors import Invalid, Upstream
from syncom.outbound import OutboundClient

_SECONDS: Final = 20.0
#: Bytes of an answer that is read, and characters of what an app says of its refusal.
_LONGEST_ANSWER: Final = 1024 * 1024
_REASON: Final = 200
#: Renew so long before the end, at most; for short-lived tokens a fifth of their life.
_MARGIN: Final = timedelta(minutes=5)


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials that work, and everything that is stored of them."""

    option: AuthOption
    stored: Stored
    parameters: dict[str, Any]
    shown: dict[str, Any]
    expires_at: datetime | None
    refresh_at: datetime | None

    def __repr__(self) -> str:
        return f"Proven({self.option.key!r})"


class Prover:
    """Tries credentials out."""

    def __init__(
        self, outbound: OutboundClient, own: OutboundClient, oauth: OAuthClient, clock: Clock, *, own_address: str
    ) -> None:
        """``own`` reaches any network: it is used for this installation's own origin only."""
        self._outbound = outbound
        self._own = own
        self._oauth = oauth
        self._clock = clock
        self.own_address = own_address

    async def prove(
        self,
        connector: Connector,
        option: AuthOption,
        *,
        typed: Mapping[str, Any],
        parameters: Mapping[str, Any],
        token: dict[str, Any] | None = None,
        own_key_id: int | None = None,
    ) -> Proven:
        """Check what was typed, get a token, make the test call.

        Raises Invalid naming the field (credentials that are refused: ``credentials``), Upstream when the app does
        not answer: then nothing is known about the credentials.
        """
        checked = forms.check_typed(option, typed)
        asked = forms.check_parameters(connector, parameters)
        if token is None:
            token = await self._token(connector, option, checked, asked)
        stored = Stored(typed=checked, token=token, own_key_id=own_key_id)
        await self.test(connector, self.authorisation(connector, option, stored, asked, generation=0))
        now = self._clock.now()
        expires_at = expiry_of(token, now)
        return Proven(
            option=option,
            stored=stored,
            parameters=asked,
            shown=forms.visible(option, checked),
            expires_at=expires_at,
            refresh_at=renewal_time(option, stored, expires_at, now),
        )

    def authorisation(
        self,
        connector: Connector,
        option: AuthOption,
        stored: Stored,
        parameters: Mapping[str, Any],
        *,
        generation: int,
    ) -> Authorisation:
        """What makes a request one of the connection."""
        return placing.authorise(
            connector=connector,
            option=option,
            stored=stored,
            parameters=parameters,
            own_address=self.own_address,
            generation=generation,
        )

    async def test(self, connector: Connector, authorisation: Authorisation) -> None:
        """The connector's harmless call. Raises Invalid for refused credentials, Upstream without an answer."""
        if connector.test is None:
            return
        method, path = connector.test
        status, data = await self._asked(connector, authorisation, method, path)
        if 200 <= status < 300:
            if is_failure(connector.failure, data):
                assert connector.failure is not None
                said = at_pointer(data, connector.failure.message)
                why = f": {said}" if isinstance(said, str) and said.isprintable() and len(said) < _REASON else ""
                raise Invalid(
                    "credentials",
                    strike(f"do not work: {connector.name} refused {method} {path}{why}", authorisation.secrets),
                )
            return
        if status in (401, 403):
            raise Invalid("credentials", f"{connector.name} refused them: it answered {status} to {method} {path}")
        if status == 429 or status >= 500:
            raise Upstream(f"{connector.name} answered {status} to {method} {path}; try again later")
        hint = "; check the address too" if connector.parameters_schema else ""
        raise Invalid("credentials", f"do not work: {connector.name} answered {status} to {method} {path}{hint}")

    async def _asked(
        self, connector: Connector, authorisation: Authorisation, method: str, path: str
    ) -> tuple[int, Any]:
        """The status; and the answer's JSON, where only that tells a success from a failure."""
        if path.startswith(("https://", "http://")):
            url = URL(path)
            if not _allowed(url, URL(authorisation.base_url), connector.hosts):
                raise Invalid("credentials", f"cannot be tested: {url.host} is no host of {connector.name}")
        else:
            url = URL(authorisation.base_url + (path if path.startswith("/") else f"/{path}"))
        url = url.extend_query(dict(authorisation.query))
        headers = dict(authorisation.headers)
        if authorisation.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in authorisation.cookies.items())
        own = authorisation.own and placing.same_origin(str(url), self.own_address)
        client = self._own if own else self._outbound
        if connector.failure is not None:
            answer = await client.call(method, url, headers=headers, seconds=_SECONDS, limit=_LONGEST_ANSWER)
            try:
                return answer.status, msgspec.json.decode(answer.body)
            except (msgspec.DecodeError, RecursionError):
                return answer.status, None
        async with client.stream(method, url, headers=headers, seconds=_SECONDS) as began:
            return began.status, None

    async def _token(
        self, connector: Connector, option: AuthOption, typed: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        try:
            return await self.fetch_token(connector, option, typed, parameters)
        except TokenRefused as error:
            field = "parameters" if error.reason is Reason.REQUEST and not error.error else "credentials"
            raise Invalid(field, f"{connector.name} refused them: {error.message}") from None

    async def fetch_token(
        self, connector: Connector, option: AuthOption, typed: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A token for credentials that stand by themselves; nothing for those that need none."""
        if option.kind not in (AuthKind.CLIENT_CREDENTIALS, AuthKind.JWT_BEARER):
            return {}
        if option.oauth is None:
            raise Invalid("authOptionKey", f"{connector.name} does not say where its tokens are")
        known = {**forms.visible(option, typed), **parameters}
        if option.kind is AuthKind.CLIENT_CREDENTIALS:
            return await self._oauth.client_credentials(option.oauth, typed_client(typed), parameters=known)
        return await self._oauth.jwt_bearer(option.oauth, parameters=known, typed=with_key_file(typed))


def _allowed(url: URL, base: URL, hosts: Iterable[str]) -> bool:
    """Whether credentials may go there: the base's origin, or a host that the connector names."""
    if url.origin() == base.origin():
        return True
    host = url.host or ""
    return any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts)


def typed_client(typed: Mapping[str, Any]) -> Client:
    """The OAuth client that a person typed."""
    client_id = typed.get("clientId") or typed.get("client_id") or ""
    secret = typed.get("clientSecret") or typed.get("client_secret") or ""
    return Client(client_id=str(client_id), client_secret=str(secret))


def renewable(option: AuthOption, stored: Stored) -> bool:
    """Whether the credentials can be renewed without a person."""
    if option.kind in (AuthKind.CLIENT_CREDENTIALS, AuthKind.JWT_BEARER):
        return True
    return option.kind is AuthKind.OAUTH2 and bool(stored.token.get("refresh_token"))


def renewal_time(option: AuthOption, stored: Stored, expires_at: datetime | None, now: datetime) -> datetime | None:
    """When to renew: some time before the end. None without an end, or when it cannot be done."""
    if expires_at is None or not renewable(option, stored):
        return None
    return expires_at - min(_MARGIN, max(timedelta(), (expires_at - now) / 5))
