"""Programs that sign people in: the built-in one, registered ones (RFC 7591), and those that describe themselves at an
https address (OAuth Client ID Metadata Document). All are public: what proves them is PKCE and where they are reached.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import msgspec

from syncom.clock import Clock
from syncom.connect.tenants import store
from syncom.connect.tenants.model import Fetch, OAuthClient, OAuthError, OAuthRefused
from syncom.errors import SyncomError
from syncom.ids import short_id
from syncom.pacing import Attempts, household
from syncom.postgres.pool import Connection, Database

#: The command line's fixed client (membrane-api, 3.4).
CLI_CLIENT: Final = "membrane-cli"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
#: Schemes that browsers do something of their own with.
_REFUSED_SCHEMES: Final = frozenset(
    {"about", "blob", "data", "file", "filesystem", "ftp", "javascript", "mailto", "tel", "vbscript", "ws", "wss"}
)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,60}")
_MAX_ADDRESSES: Final = 10
_ADDRESS_LENGTH: Final = 1000
_NAME_LENGTH: Final = 100
#: Anybody may register, so there is an end to it: those that never signed anybody in go after a day.
_MAX_CLIENTS: Final = 10_000
_UNUSED: Final = timedelta(days=1)
_IDLE: Final = timedelta(days=90)
#: Seconds that a description at an address is believed.
_KEPT: Final = 600.0
_MAX_DESCRIBED: Final = 1000


class _Description(msgspec.Struct, frozen=True):
    """A client metadata document."""

    client_id: str
    redirect_uris: list[str]
    client_name: str = ""


class Clients:
    """Looks them up, and lets new ones register."""

    def __init__(self, database: Database, clock: Clock, fetch: Fetch | None, *, code_page: str) -> None:
        self._database = database
        self._clock = clock
        self._fetch = fetch
        self._described: dict[str, tuple[OAuthClient, float]] = {}
        self._attempts = Attempts(clock, burst=20, seconds=30)
        #: Where a person without a browser of their own reads the code.
        self._code_page = code_page

    async def find(self, client_id: str) -> OAuthClient:
        """Raises OAuthRefused."""
        if client_id == CLI_CLIENT:
            return OAuthClient(client_id=CLI_CLIENT, name="Membrane CLI", redirect_uris=(self._code_page,))
        if client_id.startswith("https://"):
            return await self._describing_itself(client_id)
        found = None
        if client_id.isascii() and client_id.isalnum() and len(client_id) <= 100:
            async with self._database.system() as connection:
                found = await store.client(connection, client_id)
        if found is None:
            raise OAuthRefused(OAuthError.INVALID_CLIENT, "there is no such client; it has to register again")
        return found

    async def register(self, name: str, redirect_uris: Sequence[str], *, address: str) -> OAuthClient:
        """Take a new one. ``address`` is where it asks from. Raises OAuthRefused, RateLimited."""
        self._attempts.take(household(address))
        addresses = tuple(dict.fromkeys(redirect_uris))
        if not 1 <= len(addresses) <= _MAX_ADDRESSES:
            raise OAuthRefused(OAuthError.INVALID_REDIRECT_URI, f"give 1 to {_MAX_ADDRESSES} redirect_uris")
        for given in addresses:
            check_redirect(given)
        client = OAuthClient(client_id=short_id() + short_id(), name=_cleaned(name), redirect_uris=addresses)
        async with self._database.system() as connection:
            if await store.count_clients(connection) >= _MAX_CLIENTS:
                await self._forget(connection)
                if await store.count_clients(connection) >= _MAX_CLIENTS:
                    raise OAuthRefused(OAuthError.TEMPORARILY_UNAVAILABLE, "too many clients registered; try later")
            await store.add_client(connection, client)
        return client

    async def forget(self) -> None:
        """Remove those that nobody signs in with."""
        async with self._database.system() as connection:
            await self._forget(connection)

    async def _forget(self, connection: Connection) -> None:
        now = self._clock.now()
        await store.forget_clients(connection, unused_before=now - _UNUSED, idle_before=now - _IDLE)

    def may_redirect(self, client: OAuthClient, given: str) -> bool:
        """Whether a code of this client may be sent there: exact, but for the port of a loopback (RFC 8252, 7.3)."""
        if len(given) > _ADDRESS_LENGTH:
            return False
        if given in client.redirect_uris:
            return True
        loopback = _loopback(given)
        if loopback is None:
            return False
        # The command line listens where it likes on the person's own machine.
        return client.client_id == CLI_CLIENT or any(_loopback(known) == loopback for known in client.redirect_uris)

    async def _describing_itself(self, client_id: str) -> OAuthClient:
        known = self._described.get(client_id)
        now = self._clock.monotonic()
        if known is not None and now - known[1] < _KEPT:
            return known[0]
        parts = urlsplit(client_id)
        if self._fetch is None or len(client_id) > _ADDRESS_LENGTH or parts.path in ("", "/") or parts.fragment:
            raise OAuthRefused(OAuthError.INVALID_CLIENT, "this client_id is no address of a client's description")
        try:
            described = msgspec.json.decode(await self._fetch(client_id), type=_Description)
        except (SyncomError, msgspec.MsgspecError, UnicodeError, RecursionError):
            raise OAuthRefused(OAuthError.INVALID_CLIENT, "the client's description cannot be fetched") from None
        if described.client_id != client_id or not 1 <= len(described.redirect_uris) <= _MAX_ADDRESSES:
            raise OAuthRefused(OAuthError.INVALID_CLIENT, "the description at this address is of another client")
        for given in described.redirect_uris:
            check_redirect(given)
        name = _cleaned(described.client_name) if described.client_name else parts.netloc
        client = OAuthClient(client_id=client_id, name=name, redirect_uris=tuple(described.redirect_uris))
        if len(self._described) >= _MAX_DESCRIBED:
            self._described.clear()
        self._described[client_id] = client, now
        return client


def check_redirect(given: str) -> None:
    """Raises OAuthRefused for an address that no code may be sent to: https, a loopback, or an app's own scheme."""
    refused = OAuthRefused(
        OAuthError.INVALID_REDIRECT_URI,
        "redirect_uris must be https, http on a loopback address, or a scheme of the app's own, without a fragment",
    )
    if (
        len(given) > _ADDRESS_LENGTH
        or not given.isascii()
        or not given.isprintable()
        or set(given) & set(' "<>\\^`{|}')
    ):
        raise refused
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise refused from None
    if "#" in given or parts.username is not None or parts.password is not None:
        raise refused
    if parts.scheme == "https":
        good = bool(host)
    elif parts.scheme == "http":
        good = host in _LOOPBACK
    else:
        good = _SCHEME.fullmatch(parts.scheme) is not None and parts.scheme not in _REFUSED_SCHEMES
    if not good:
        raise refused


def _loopback(given: str) -> tuple[str, str, str] | None:
    """Host, path and query of an http address on the person's own machine; the port may be any."""
    try:
        parts = urlsplit(given)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or host not in _LOOPBACK or "@" in parts.netloc or "#" in given:
        return None
    if not given.isascii() or not given.isprintable() or set(given) & set(' "<>\\^`{|}'):
        return None
    return host, parts.path, parts.query


def _cleaned(name: str) -> str:
    """A program's name as people are shown it."""
    kept = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(kept.split())[:_NAME_LENGTH] or "Unnamed program"
