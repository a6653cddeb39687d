"""Connection requests: a person is asked to connect an app on a page, with a form or at the app's own page.

The link's handle cannot be guessed and is good for an hour. A sign-in at an app's page carries a random state that is
used once and only by the browser that left (RFC 9700, 4.7): its cookie's hash is stored beside it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from syncom.clock import Clock
from syncom.connect.connections import forms, placing, records, store
from syncom.connect.connections.integrations import Integrations
from syncom.connect.connections.model import (
    OWN_OPTION,
    Agreed,
    AuthChoice,
    Catalogue,
    ConnectionRequest,
    ConnectionWish,
    OwnKeys,
    PageFacts,
    RequestStatus,
    Stored,
    Wishes,
)
from syncom.connect.connections.oauth import Client, OAuthClient, TokenRefused, TokenTrouble
from syncom.connect.connections.proving import Proven, Prover
from syncom.connect.connections.vault import SignIn, Vault
from syncom.connect.model import (
    AuthKind,
    AuthOption,
    Caller,
    Connection,
    ConnectionState,
    Connector,
    Fault,
    OAuthConfig,
)
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, SyncomError
from syncom.outbound import check_url
from syncom.postgres.pool import Database
from syncom.security import hash_token

#: How long a link works (membrane-api, 15: item 14).
REQUEST_LIFE: Final = timedelta(minutes=60)
#: A link that is shown works so much longer at least.
_FRESH: Final = timedelta(minutes=10)
#: How long a person may stay at an app's own page.
SIGN_IN_LIFE: Final = timedelta(minutes=20)
_LONGEST_STATE: Final = 2000
CALLBACK_PATH: Final = "/membrane/oauth-callback"
PAGE_PATH: Final = "/membrane/screens/connections"


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """A person goes to an app's own page."""

    url: str
    #: For a cookie of the browser that goes.
    browser: str

    def __repr__(self) -> str:
        return "Departure(…)"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How connecting ended, and where the browser goes then (empty: it stays on our page)."""

    request: ConnectionRequest
    connector: Connector
    connection: Connection | None = None
    fault: Fault | None = None
    redirect: str = ""


class StateRefused(Forbidden):
    """A sign-in that comes back with a state that is unknown, used, too old or another browser's."""

    code = "state_mismatch"


class Requests:
    """What happens on the pages where apps are connected."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        integrations: Integrations,
        vault: Vault,
        oauth: OAuthClient,
        prover: Prover,
        clock: Clock,
        *,
        base_url: str,
        own_keys: OwnKeys | None,
        changed: Callable[[str], None],
    ) -> None:
        """``changed`` is called with the id of a connection whose credentials are others now."""
        self._database = database
        self._catalogue = catalogue
        self._integrations = integrations
        self._vault = vault
        self._oauth = oauth
        self._prover = prover
        self._clock = clock
        self._base_url = base_url
        self._own_keys = own_keys
        self._changed = changed

    @property
    def callback_url(self) -> str:
        """Where apps send people back to: what the owner of an OAuth client registers."""
        return self._base_url + CALLBACK_PATH

    # ------------------------------------------------------------ asking

    async def open(
        self, caller: Caller, connector: Connector, wish: ConnectionWish, *, connection: Connection | None
    ) -> ConnectionRequest:
        """A page for a person to connect ``connection``, or a new one. Raises Invalid."""
        if wish.redirect_uri is not None:
            check_url("redirectUri", wish.redirect_uri)
        if wish.custom_state is not None and len(wish.custom_state) > _LONGEST_STATE:
            raise Invalid("customState", f"must be at most {_LONGEST_STATE} characters")
        if wish.auth_key is not None and placing.option_of(connector, wish.auth_key) is None:
            raise Invalid("authOptionKey", f"{connector.name} has no option {wish.auth_key}")
        if connection is None and wish.key is not None:
            records.check_key(wish.key)
        if connection is None and wish.name is not None:
            records.check_name(wish.name)
        wishes = Wishes(
            key=wish.key,
            name=wish.name,
            auth_key=wish.auth_key,
            parameters=dict(wish.parameters) if wish.parameters else None,
            meta=dict(wish.meta) if wish.meta else None,
            redirect_uri=wish.redirect_uri,
            custom_state=wish.custom_state,
            allow_multiple=wish.allow_multiple,
            actor=caller.actor,
            browser_request=wish.browser_request,
            browser_origin=wish.browser_origin,
        )
        tenant_id = connection.tenant_id if connection is not None else caller.tenant()
        request_id = secrets.token_hex(12)
        now = self._clock.now()
        async with self._database.tenant(caller.account_id) as database:
            await store.insert_request(
                database,
                request_id=request_id,
                account_id=caller.account_id,
                tenant_id=tenant_id,
                connector_id=connector.connector_id,
                connection_id=connection.connection_id if connection is not None else None,
                wishes=wishes,
                now=now,
                expires_at=now + REQUEST_LIFE,
            )
        return await self.get(request_id, account_id=caller.account_id, tenant_id=tenant_id)

    async def get(
        self, request_id: str, *, account_id: int | None = None, tenant_id: str | None = None
    ) -> ConnectionRequest:
        """Raises NotFound. One whose time has passed is an error."""
        async with self._database.system() as connection:
            found = await store.find_request(connection, request_id, account_id=account_id, tenant_id=tenant_id)
        if found is None:
            raise NotFound("connection request", request_id)
        url = f"{self._base_url}{PAGE_PATH}?connectionRequestId={found.request_id}"
        if found.status is RequestStatus.PENDING and found.expires_at <= self._clock.now():
            late = Fault(type="bad_request", key="request_expired", message="nobody followed the link in time")
            return msgspec.structs.replace(found, url=url, status=RequestStatus.ERROR, result_fault=late)
        return msgspec.structs.replace(found, url=url)

    async def is_named(self, caller: Caller, name: str) -> bool:
        """Whether a browser of this tenant called a request so."""
        async with self._database.system() as connection:
            return await store.is_browser_request(connection, caller.account_id, caller.tenant(), name)

    async def conclude(
        self, request: ConnectionRequest, *, made: Connection | None = None, fault: Fault | None = None
    ) -> None:
        """Note how a request ended that nobody had to follow: what was needed came with it."""
        status = RequestStatus.SUCCESS if made is not None else RequestStatus.ERROR
        made_id = made.connection_id if made is not None else None
        async with self._database.system() as connection:
            await store.settle_request(connection, request.request_id, status, connection_id=made_id, fault=fault)

    async def attempts(self, of: Connection, *, limit: int = 100, offset: int = 0) -> list[ConnectionRequest]:
        """How asking people to connect it ended, newest first; those of the last week."""
        async with self._database.tenant(of.account_id) as connection:
            return await store.attempts(connection, of.account_id, of.connection_id, limit=limit, offset=offset)

    async def links(self, waiting: Sequence[Connection]) -> dict[str, str]:
        """The page of each connection that waits for a person; made anew when the last one is at its end."""
        now = self._clock.now()
        async with self._database.system() as connection:
            known = await store.pending_requests(connection, [one.connection_id for one in waiting], fresh=now + _FRESH)
            for one in waiting:
                if one.connection_id in known:
                    continue
                known[one.connection_id] = secrets.token_hex(12)
                await store.insert_request(
                    connection,
                    request_id=known[one.connection_id],
                    account_id=one.account_id,
                    tenant_id=one.tenant_id,
                    connector_id=one.connector_id,
                    connection_id=one.connection_id,
                    wishes=Wishes(),
                    now=now,
                    expires_at=now + REQUEST_LIFE,
                )
        return {ident: f"{self._base_url}{PAGE_PATH}?connectionRequestId={request}" for ident, request in known.items()}

    async def choices(self, account_id: int, connector: Connector) -> list[AuthChoice]:
        """The ways to authenticate with an app, usable ones first."""
        client = await self._integrations.client(account_id, connector.connector_id)
        found: list[AuthChoice] = []
        if connector.own and self._own_keys is not None:
            option = placing.own_option(connector)
            found.append(
                AuthChoice(
                    key=OWN_OPTION,
                    title=option.title or "This installation",
                    description=option.description,
                    interactive=True,
                    input_schema={},
                    parameters_schema={},
                    own=True,
                )
            )
        for option in connector.auth:
            if option.key == OWN_OPTION:
                continue
            found.append(
                AuthChoice(
                    key=option.key,
                    title=forms.title_of(option),
                    description=option.description,
                    interactive=option.kind.interactive,
                    input_schema=forms.input_schema(option),
                    parameters_schema=connector.parameters_schema,
                    missing=_missing(option, client),
                )
            )
        return sorted(found, key=lambda choice: bool(choice.missing))

    # ------------------------------------------------------------ on the page

    async def page(self, request_id: str) -> PageFacts:
        """What the page of a request shows. Raises NotFound."""
        request = await self.get(request_id)
        connector = await self._catalogue.connector(request.account_id, request.connector_id)
        choices = await self.choices(request.account_id, connector)
        if request.wishes.auth_key is not None:
            choices = [choice for choice in choices if choice.key == request.wishes.auth_key]
        async with self._database.system() as connection:
            account, tenant = await store.names(connection, request.account_id, request.tenant_id)
        return PageFacts(
            request=request,
            connector=connector,
            choices=choices,
            connection=await self._present(request),
            account_name=account,
            tenant_name=tenant,
        )

    async def submit(
        self, request_id: str, auth_key: str, fields: Mapping[str, str], *, browser: str | None = None
    ) -> Outcome | Departure:
        """A form of the page: connects at once, or sends the person to the app's page. ``browser``: as of a departure.

        Raises Invalid (shown beside the fields), Upstream (the app does not answer), Conflict (done or too late).
        """
        request, connector, option = await self._open_request(request_id, auth_key)
        typed = forms.from_form(forms.input_schema(option), fields)
        parameters = {
            **(await self._parameters(request)),
            **forms.from_form(connector.parameters_schema, fields),
        }
        if option.kind.interactive:
            return await self._depart(request, connector, option, typed, parameters, browser)
        return await self._connect(request, connector, option, typed=typed, parameters=parameters)

    async def depart(self, request_id: str, auth_key: str, *, browser: str | None = None) -> Departure:
        """To the app's own page, for an option that asks for nothing before. Raises Invalid, Conflict, NotFound.

        ``browser``: the cookie of an earlier departure, so that a browser may have several under way.
        """
        request, connector, option = await self._open_request(request_id, auth_key)
        if not option.kind.interactive:
            raise Invalid("authOptionKey", "has no page of the app")
        return await self._depart(request, connector, option, {}, await self._parameters(request), browser)

    async def agree(self, request_id: str, by: Agreed) -> Outcome:
        """Connect this installation itself, with a key of the signed-in person's role. Raises Forbidden, Conflict."""
        request, connector, option = await self._open_request(request_id, OWN_OPTION)
        if self._own_keys is None:
            raise Conflict("this installation cannot be connected here")
        if by.account_id != request.account_id:
            raise Forbidden("you are signed in to another account than the one that asks; sign in there first")
        name = await self._own_name(request, connector)
        issued = await self._own_keys.issue(by, name)
        try:
            return await self._connect(
                request, connector, option, typed={"apiKey": issued.key}, parameters={}, own_key_id=issued.api_key_id
            )
        except BaseException:
            await self._own_keys.revoke(request.account_id, issued.api_key_id)
            raise

    async def come_back(self, query: Mapping[str, str], browser: str) -> Outcome:
        """A person is back from the app's page. Raises StateRefused; every other failure is an outcome."""
        state = query.get("state", "")
        async with self._database.system() as connection:
            used = await store.use_state(connection, hash_token(state), hash_token(browser), self._clock.now())
        if not state or used is None:
            raise StateRefused(
                "this sign-in is unknown, was used already, took too long, or was begun in another browser; start again"
            )
        account_id, request_id, data = used
        sign_in = self._vault.open_sign_in(data, account_id=account_id, request_id=request_id)
        request, connector, option = await self._open_request(request_id, sign_in.auth_key)
        error = query.get("error")
        if error:
            cancelled = error == "access_denied"
            said = "you did not agree" if cancelled else f"{connector.name} answered {_word(error)}"
            fault = Fault(type="connection", key="access_denied" if cancelled else "oauth_error", message=said)
            return await self._failed(
                request, connector, fault, RequestStatus.CANCELLED if cancelled else RequestStatus.ERROR
            )
        try:
            token = await self._exchange(request, connector, option, sign_in, query.get("code", ""))
            return await self._connect(
                request, connector, option, typed=sign_in.typed, parameters=sign_in.parameters, token=token
            )
        except SyncomError as problem:
            fault = Fault(type="connection", key=problem.code, message=problem.message)
            return await self._failed(request, connector, fault, RequestStatus.ERROR)

    async def cancel(self, request_id: str) -> Outcome:
        """The person does not want to. Raises NotFound, Conflict."""
        request = await self._pending(request_id)
        connector = await self._catalogue.connector(request.account_id, request.connector_id)
        fault = Fault(type="connection", key="access_denied", message="the person did not agree")
        return await self._failed(request, connector, fault, RequestStatus.CANCELLED)

    async def drop_own_key(self, account_id: int, stored: Stored | None) -> None:
        """End the API key that was made for a connection."""
        if stored is not None and stored.own_key_id is not None and self._own_keys is not None:
            await self._own_keys.revoke(account_id, stored.own_key_id)

    # ------------------------------------------------------------ steps

    async def _pending(self, request_id: str) -> ConnectionRequest:
        request = await self.get(request_id)
        if request.status is not RequestStatus.PENDING:
            raise Conflict("this link was used already or has expired; ask for a new one where you came from")
        return request

    async def _open_request(self, request_id: str, auth_key: str) -> tuple[ConnectionRequest, Connector, AuthOption]:
        request = await self._pending(request_id)
        connector = await self._catalogue.connector(request.account_id, request.connector_id)
        option = placing.option_of(connector, auth_key)
        if option is None or request.wishes.auth_key not in (None, auth_key):
            raise Invalid("authOptionKey", f"{connector.name} cannot be connected in this way")
        return request, connector, option

    async def _present(self, request: ConnectionRequest) -> Connection | None:
        if request.connection_id is None:
            return None
        async with self._database.system() as connection:
            found = await store.find(connection, request.account_id, request.tenant_id, request.connection_id, None)
        return found[0] if found else None

    async def _parameters(self, request: ConnectionRequest) -> dict[str, Any]:
        """What is known of the parameters before the person says anything."""
        present = await self._present(request)
        return {**(present.parameters if present is not None else {}), **(request.wishes.parameters or {})}

    async def _own_name(self, request: ConnectionRequest, connector: Connector) -> str:
        present = await self._present(request)
        return present.name if present is not None else request.wishes.name or connector.name

    async def _depart(
        self,
        request: ConnectionRequest,
        connector: Connector,
        option: AuthOption,
        typed: Mapping[str, Any],
        parameters: Mapping[str, Any],
        browser: str | None,
    ) -> Departure:
        config, client = await self._client(request.account_id, connector, option)
        checked = forms.check_typed(option, typed)
        asked = forms.check_parameters(connector, parameters)
        verifier, state, fresh = (secrets.token_urlsafe(48) for _ in range(3))
        browser = browser if browser is not None and len(browser) == len(fresh) else fresh
        url = self._oauth.authorize_url(
            config,
            client,
            parameters={**forms.visible(option, checked), **asked},
            redirect_uri=self.callback_url,
            state=state,
            verifier=verifier,
        )
        sign_in = SignIn(auth_key=option.key, verifier=verifier, typed=checked, parameters=asked)
        sealed = self._vault.seal_sign_in(sign_in, account_id=request.account_id, request_id=request.request_id)
        async with self._database.system() as connection:
            await store.insert_state(
                connection,
                state_hash=hash_token(state),
                account_id=request.account_id,
                request_id=request.request_id,
                key_id=sealed.key_id,
                sealed=sealed.data,
                browser=hash_token(browser),
                expires_at=self._clock.now() + SIGN_IN_LIFE,
            )
        return Departure(url=url, browser=browser)

    async def _exchange(
        self, request: ConnectionRequest, connector: Connector, option: AuthOption, sign_in: SignIn, code: str
    ) -> dict[str, Any]:
        if not code:
            raise Invalid("code", f"{connector.name} sent you back without one")
        config, client = await self._client(request.account_id, connector, option)
        known = {**forms.visible(option, sign_in.typed), **sign_in.parameters}
        try:
            return await self._oauth.exchange(
                config,
                client,
                parameters=known,
                code=code,
                redirect_uri=self.callback_url,
                verifier=sign_in.verifier,
            )
        except (TokenRefused, TokenTrouble) as error:
            raise Conflict(f"{connector.name} gave no access: {error.message}") from None

    async def _client(self, account_id: int, connector: Connector, option: AuthOption) -> tuple[OAuthConfig, Client]:
        """Who we are to the provider. Raises Conflict when the workspace has not said so."""
        client = await self._integrations.client(account_id, connector.connector_id)
        missing = _missing(option, client)
        if missing or client is None or option.oauth is None:
            raise Conflict(missing or f"{connector.name} does not say where people sign in")
        return option.oauth, client

    async def _connect(
        self,
        request: ConnectionRequest,
        connector: Connector,
        option: AuthOption,
        *,
        typed: Mapping[str, Any],
        parameters: Mapping[str, Any],
        token: dict[str, Any] | None = None,
        own_key_id: int | None = None,
    ) -> Outcome:
        """Prove and store; the request is settled in the same step, so that it makes one connection."""
        if option.key == OWN_OPTION:
            connector_asked = msgspec.structs.replace(connector, parameters_schema={})
        else:
            connector_asked = connector
        proven = await self._prover.prove(
            connector_asked, option, typed=typed, parameters=parameters, token=token, own_key_id=own_key_id
        )
        present = await self._present(request)
        before: Stored | None = None
        now = self._clock.now()
        async with self._database.system() as connection:
            if present is not None:
                if present.archived_at is not None:
                    raise Conflict("the connection was archived meanwhile; restore it first")
                row = await store.credentials(connection, present.account_id, present.connection_id)
                before = self._vault.open(row) if row is not None else None
                made = present
            else:
                made = await self._add(connection, request, connector, proven)
            if not await store.settle_request(
                connection, request.request_id, RequestStatus.SUCCESS, connection_id=made.connection_id
            ):
                raise Conflict("this link was used already; ask for a new one where you came from")
            await records.keep(connection, self._vault, made, proven, now, fresh=present is None)
            found = await store.find(connection, made.account_id, made.tenant_id, made.connection_id, None)
        self._changed(made.connection_id)
        await self.drop_own_key(made.account_id, before)
        target = _target(request, {"connectionId": made.connection_id})
        return Outcome(request=request, connector=connector, connection=found[0], redirect=target)

    async def _add(self, database: Any, request: ConnectionRequest, connector: Connector, proven: Proven) -> Connection:
        wishes = request.wishes
        return await records.add(
            database,
            account_id=request.account_id,
            tenant_id=request.tenant_id,
            connector=connector,
            key=wishes.key,
            name=wishes.name,
            meta=wishes.meta,
            state=ConnectionState.CLIENT_ACTION_REQUIRED,
            client_action="connect",
            auth_key=proven.option.key,
            parameters=proven.parameters,
            shown=proven.shown,
            now=self._clock.now(),
        )

    async def _failed(
        self, request: ConnectionRequest, connector: Connector, fault: Fault, status: RequestStatus
    ) -> Outcome:
        """Note how it ended, on the request and on a connection that waits for it; a working one is left alone."""
        async with self._database.system() as connection:
            await store.settle_request(connection, request.request_id, status, fault=fault)
            if request.connection_id is not None:
                await store.set_state(
                    connection,
                    request.account_id,
                    request.connection_id,
                    ConnectionState.CLIENT_ACTION_REQUIRED,
                    fault=fault,
                    client_action="connect",
                    from_state=ConnectionState.CLIENT_ACTION_REQUIRED,
                    now=self._clock.now(),
                )
        target = _target(request, {"error": fault.message, "errorKey": fault.key})
        return Outcome(request=request, connector=connector, fault=fault, redirect=target)


def _missing(option: AuthOption, client: Client | None) -> str:
    """Why people cannot sign in at an app, for the workspace's owner to read."""
    if option.kind is not AuthKind.OAUTH2:
        return ""
    if option.oauth is None or not option.oauth.authorize_url:
        return "this connector does not say where people sign in"
    if client is None:
        return "this workspace has no OAuth client for this app yet: its owner sets clientId and clientSecret"
    if client.client_secret and placing.host_is_chosen(option.oauth.token_url):
        return "whoever connects would choose where the workspace's client secret is sent"
    return ""


def _target(request: ConnectionRequest, given: Mapping[str, str]) -> str:
    """The address a browser goes to afterwards, with how it ended (membrane-api, 15: item 19)."""
    wishes = request.wishes
    if not wishes.redirect_uri:
        return ""
    parts = urlsplit(str(check_url("redirectUri", wishes.redirect_uri)))
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *given.items()]
    if wishes.custom_state is not None:
        pairs.append(("customState", wishes.custom_state))
    return urlunsplit(parts._replace(query=urlencode(pairs)))


def _word(text: str) -> str:
    """A provider's error code: a word, and nothing else that somebody put into an address."""
    return "".join(char for char in text if char.isalnum() or char in "_-. ")[:100]
