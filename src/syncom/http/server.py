"""The web server: one ASGI application for everything behind the one port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, MutableMapping, Sequence
from functools import cached_property
from html import escape
from typing import Any, cast

import msgspec
import psycopg
import uvicorn
from litestar.types import Receive, Scope, Send
from procrastinate import App as JobRunner

from syncom.accounts.model import Permission
from syncom.activity.recorder import Recorder
from syncom.app import App, open_app
from syncom.content.editing.previews import PREFIX as PREVIEWS
from syncom.errors import NotFound, SyncomError, Unauthorized
from syncom.http.authentication import Authentication
from syncom.http.bounces.app import BouncesApp
from syncom.http.esputnik.app import METHODS, EsputnikApi
from syncom.http.esputnik.document import add_esputnik
from syncom.http.esputnik.repeats import forget_old_requests
from syncom.http.gateways.app import GatewaysApp
from syncom.http.headers import Headers, header
from syncom.http.inbox.app import InboxApp
from syncom.http.joined import JoiningProtocol
from syncom.http.mcp.gate import McpGate
from syncom.http.membrane.app import METHODS as MEMBRANE_METHODS
from syncom.http.membrane.app import MembraneApi
from syncom.http.membrane.document import add_membrane
from syncom.http.membrane.well_known import WellKnown
from syncom.http.metrics import Metrics
from syncom.http.native.app import PREFIX, native_api
from syncom.http.native.contact_upsert import ContactUpsert
from syncom.http.native.document import openapi_document
from syncom.http.native.event_record import EventRecord
from syncom.http.native.idempotency import remove_old_keys
from syncom.http.pages.docs import docs_page
from syncom.http.pages.login import LoginPages
from syncom.http.pages.page import STYLESHEET, page, send_bytes, send_page, stylesheet
from syncom.http.pages.previews import PreviewPages
from syncom.http.problems import problem_of, send_problem
from syncom.http.tracking.app import TrackingApp
from syncom.http.tracking.choices import ChoicePages
from syncom.http.tracking.client import TrustedProxies
from syncom.http.tracking.form_pages import FormPages
from syncom.http.tracking.pictures import Pictures
from syncom.http.ui.app import PLACES, UiApp
from syncom.http.ui.app import PREFIX as UI
from syncom.messages.bounces.hooks.service import PREFIX as BOUNCES
from syncom.settings import Settings

Route = Callable[[Scope, Receive, Send], Awaitable[None]]

_CONTACTS = f"{PREFIX}/contacts"
_EVENTS = f"{PREFIX}/events"
_JSON = b"application/json"
_CLEAN_EVERY = 3600.0

_log = logging.getLogger(__name__)


class Server:
    """Routes by the first part of the path; errors that reach it become answers."""

    def __init__(self, app: App, recorder: Recorder, jobs: JobRunner) -> None:
        self._app = app
        self.metrics = Metrics()
        self._authentication = Authentication(app.accounts, app.settings)
        self.api = native_api(app, self._authentication, jobs)
        self._upsert = ContactUpsert(app.accounts, app.contacts, self._authentication)
        self._record = EventRecord(app.accounts, app.events, self._authentication)
        self.esputnik = EsputnikApi(app, self._authentication, jobs)
        login = LoginPages(app.accounts, self._authentication)
        self.mcp = McpGate(app)
        self._exact: dict[str, Route] = {
            "/login": login.login,
            "/logout": login.logout,
            "/docs": self._docs,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            STYLESHEET: self._stylesheet,
            f"{PREFIX}/openapi.json": self._openapi,
            "/membrane/mcp/integrate-anything": self.mcp,
        }
        proxies = TrustedProxies(app.settings.trusted_proxies)
        tracking = TrackingApp(
            app.tokens,
            recorder,
            self._links,
            app.web_versions.page,
            app.clock,
            proxies=proxies,
            short_links=app.short_links.find,
            category_names=app.contacts.categories.names,
            land=app.landings.of,
            forms=FormPages(app.forms, proxies, base_url=app.settings.base_url),
            pictures=Pictures(app.images.served),
            choices=ChoicePages(app.tokens, app.optins, app.preferences, proxies),
        )
        gateways = GatewaysApp(
            app.tokens,
            app.senders,
            app.receipts,
            app.inbound_texts,
            app.parts_received,
            app.clock,
            base_url=app.settings.base_url,
        )
        inbox = InboxApp(app.inbox, self._is_operator)
        ui = UiApp()
        #: By the first piece of the path.
        self._below: dict[str, Route] = {
            "t": cast("Route", tracking),
            "gateways": cast("Route", gateways),
            BOUNCES: cast("Route", BouncesApp(app.bounce_hooks)),
            "inbox": cast("Route", inbox),
            PREVIEWS: PreviewPages(app.previews.find),
            "api": self.esputnik,
            ".well-known": WellKnown(app.settings.base_url),
            "membrane": MembraneApi(app, self._authentication, jobs),
            "mcp": self.mcp,
            UI: ui.file,
            **dict.fromkeys(PLACES, ui.application),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        try:
            if path == _CONTACTS and scope.get("method") == "PUT":
                await self._upsert(scope, receive, send)
                return
            if path == _EVENTS and scope.get("method") == "POST" and not header(scope, b"idempotency-key"):
                await self._record(scope, receive, send)
                return
            if path.startswith(PREFIX + "/") and path not in self._exact:
                await self.api(scope, receive, send)
                return
            await self._route(path)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last stop of every request
            await self._refuse(error, scope, send)

    def _route(self, path: str) -> Route:
        exact = self._exact.get(path) or (self._exact.get(path.rstrip("/")) if path[-1:] == "/" else None)
        if exact is not None:
            return exact
        below = self._below.get(path[1:].partition("/")[0])
        if below is not None:
            return below
        raise NotFound("page", path)

    async def _refuse(self, error: Exception, scope: Scope, send: Send) -> None:
        if not isinstance(error, SyncomError) or _wants_json(scope):
            await send_problem(error, scope, send)
            return
        problem, headers = problem_of(error, scope)
        content = f"<h1>{problem.title}</h1><p>{escape(problem.detail)}</p>"
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send_page(send, page(problem.title, content), status=problem.status, headers=raw)

    # ------------------------------------------------------------ pages

    async def _docs(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_page(send, self._docs_page)

    async def _openapi(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_bytes(send, self._openapi_json, _JSON)

    async def _stylesheet(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_bytes(
            send, stylesheet(), b"text/css; charset=utf-8", headers=[(b"cache-control", b"public, max-age=300")]
        )

    @cached_property
    def document(self) -> dict[str, object]:
        """The OpenAPI document."""
        document = openapi_document(self.api, self._app.settings.base_url)
        add_esputnik(document, METHODS)
        add_membrane(document, MEMBRANE_METHODS)
        return document

    @cached_property
    def _openapi_json(self) -> bytes:
        return msgspec.json.encode(self.document)

    @cached_property
    def _docs_page(self) -> bytes:
        return docs_page(self.document)

    # ------------------------------------------------------------ for machines

    async def _healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_bytes(send, b'{"status":"ok"}', _JSON)

    async def _readyz(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(5), self._app.database.system() as connection:
                await connection.execute("SELECT 1")
        except (SyncomError, psycopg.Error, TimeoutError):
            await send_bytes(send, b'{"status":"the database does not answer"}', _JSON, status=503)
            return
        await send_bytes(send, b'{"status":"ok"}', _JSON)

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = self.metrics.text(self._app.database.pool_statistics())
        await send_bytes(send, text.encode(), b"text/plain; version=0.0.4; charset=utf-8")

    async def _links(self, account_id: int, content_id: int) -> Sequence[str] | None:
        try:
            return (await self._app.content.compiled(account_id, content_id)).links
        except NotFound:
            return None

    async def _is_operator(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether an operator asks. Others are told so; those who are not signed in are sent to do that."""
        request = cast("Scope", scope)
        try:
            by = await self._authentication.principal(request)
        except Unauthorized:
            return False
        by.require(Permission.OPERATE)
        return True


def _wants_json(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"accept":
            return b"text/html" not in value
    return True


@contextlib.asynccontextmanager
async def web(app: App) -> AsyncGenerator[Headers]:
    """The complete application on open services, with what runs beside it, until the block ends."""
    await app.accounts.start()
    await app.catalogue.sync()
    await app.tenants.start()
    spool = app.settings.data_dir / "spool"
    recorder = Recorder(app.database.dsn, app.activity, app.clock, spool_dir=spool)
    await recorder.start()
    cleaning = asyncio.create_task(_clean(app))
    try:
        async with app.jobs(app.database.dsn).open_async() as jobs:
            server = Server(app, recorder, jobs)
            try:
                yield Headers(server, secure=app.settings.base_url.startswith("https://"), metrics=server.metrics)
            finally:
                await server.mcp.close()
    finally:
        cleaning.cancel()
        await asyncio.gather(cleaning, return_exceptions=True)
        await recorder.close()


async def _clean(app: App) -> None:
    while True:
        try:
            await remove_old_keys(app.database)
            await forget_old_requests(app.database)
        except (SyncomError, psycopg.Error) as error:
            _log.warning("old idempotency keys stay for now: %s", error)
        await asyncio.sleep(_CLEAN_EVERY)


async def serve(settings: Settings, *, stop: asyncio.Event, dsn: str | None = None) -> None:
    """Run the web server until ``stop`` is set; requests that are running are finished first."""
    async with open_app(settings, dsn=dsn, name="syncom-web") as app, web(app) as application:
        server = QuietServer(uvicorn_config(application, settings))
        running = asyncio.create_task(server.serve())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        # Streams that wait for people would hold it up.
        await app.connections.watch.close()
        await app.live.close()
        stopping.cancel()
        await running


class QuietServer(uvicorn.Server):
    """Uvicorn without handlers of its own: signals are for the process, which may run more than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def uvicorn_config(application: Headers, settings: Settings) -> uvicorn.Config:
    """How uvicorn is run: no access log, no server name."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=JoiningProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        log_level=settings.log_level,
        # Whom to believe about addresses is decided in one place, TrustedProxies.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
    )
