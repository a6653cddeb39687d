"""Use cases of the catalogue: what can be connected to, what can be called there, and adding to both."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET

from syncom.clock import Clock
from syncom.connect.catalogue import store, words
from syncom.connect.catalogue.compile import Sources, read_folder
from syncom.connect.catalogue.compiling import Compiler
from syncom.connect.catalogue.model import (
    MAX_DESCRIPTION,
    MAX_KEY,
    MAX_NAME,
    ActionChange,
    ConnectorSettings,
    Draft,
    Imported,
    NewAction,
)
from syncom.connect.catalogue.schemas import problem_of
from syncom.connect.model import Action, Connector, Effect, Schema, Shape, Step
from syncom.errors import Conflict, Invalid, NotFound
from syncom.ids import short_id
from syncom.postgres.pool import Database

#: The connectors of this release.
SHIPPED: Final = Path(str(resources.files("syncom").joinpath("connectors")))
#: Actions that one connection, or one connector within an account, may be given by callers.
MAX_MADE: Final = 1000
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_REQUEST: Final = frozenset({"method", "path", "query", "headers", "body"})

_log = logging.getLogger(__name__)


class CatalogueService:
    """Connectors and actions. Everything is read from the database when it is asked for, so what one process adds the
    others see at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._compiler = Compiler()

    # ------------------------------------------------------------ what came with the release

    async def sync(self, folder: Path | None = None) -> None:
        """Bring the rows in line with the shipped connectors (or those below ``folder``).

        Cheap when nothing changed: files are hashed, not read. Of several processes that start together one does
        the work. A connector with a mistake is logged and stays as it was. Connectors that are gone are archived.
        """
        present = {path.name: path for path in sorted((folder or SHIPPED).iterdir()) if _is_connector(path)}
        hashes = {key: _folder_hash(path) for key, path in present.items()}
        async with self._database.system() as connection:
            stored = await store.shipped(connection)
        for key, path in present.items():
            if stored.get(key) != hashes[key]:
                await self._sync_one(key, path, hashes[key])
        if set(stored) - set(present):
            async with self._database.system() as connection:
                await store.lock(connection, None)
                await store.archive_shipped(connection, list(present))

    async def _sync_one(self, key: str, path: Path, content_hash: bytes) -> None:
        try:
            sources = read_folder(path)
            draft = await self._compiler.compile(sources)
            packed = await asyncio.to_thread(store.pack, sources.document)
        except Invalid as error:
            _log.error("the connector %s is left as it was: %s", key, error.message)
            return
        async with self._database.system() as connection:
            await store.lock(connection, None)
            if (await store.shipped(connection)).get(key) != content_hash:
                await store.save(connection, None, draft, content_hash, packed)

    # ------------------------------------------------------------ connectors

    async def connectors(
        self, account_id: int, *, search: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[Connector]:
        """Those of the release and the account's own. With ``search``: whose key or name it is, then whose begins
        with it, then where it is a word's beginning, then the rest."""
        async with self._database.tenant(account_id) as connection:
            return await store.connectors(connection, search=search or "", limit=limit, offset=offset)

    async def connector(self, account_id: int, selector: str) -> Connector:
        """By id or key; an account's own one comes first. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await store.connector(connection, selector)
        if found is None:
            raise NotFound("connector", selector)
        return found

    async def find_by_domain(self, account_id: int, domain: str) -> Connector | None:
        """The connector of an app's domain or of one above it: ``app.shop.example`` finds ``shop.example``."""
        pieces = domain.strip().lower().rstrip(".").split(".")
        domains = [".".join(pieces[start:]) for start in range(max(len(pieces) - 1, 1))]
        async with self._database.tenant(account_id) as connection:
            return await store.by_domain(connection, domains[:20])

    async def add(
        self,
        account_id: int,
        *,
        document: bytes | None,
        settings: ConnectorSettings | None = None,
        overlay: bytes | None = None,
        source: str = "",
    ) -> Connector:
        """A connector of the account's own out of any OpenAPI document. Raises Invalid; see :meth:`bring_in`."""
        found = await self.bring_in(account_id, document=document, settings=settings, overlay=overlay, source=source)
        return found.connector

    async def bring_in(
        self,
        account_id: int,
        *,
        document: bytes | None,
        settings: ConnectorSettings | None = None,
        overlay: bytes | None = None,
        source: str = "",
        name: str = "document",
    ) -> Imported:
        """Add a connector, or the next version of the one with its key, and say what was left out.

        ``source`` is the address it came from, against which its relative addresses are read; ``name`` is what it is
        called in messages. Actions that stay keep their ids. Raises Invalid naming the file and the place.
        """
        settings = settings or ConnectorSettings()
        if settings.own:
            raise Invalid("connector.yaml: own", "is for the connectors of the release")
        if document is None and not settings.actions:
            raise Invalid("document", "is missing, and connector.yaml has no actions of its own")
        sources = Sources(settings=settings, document=document, overlay=overlay, document_name=name, source=source)
        draft = await self._compiler.compile(sources)
        if not draft.actions:
            raise Invalid(name, "makes no action: " + (draft.notes[-1] if draft.operations else "it has no operations"))
        content_hash = blake2b(msgspec.msgpack.encode(sources), digest_size=32).digest()
        packed = await asyncio.to_thread(store.pack, document)
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id)
            connector_id = await store.save(connection, account_id, draft, content_hash, packed)
            saved = await store.connector(connection, connector_id)
        assert saved is not None
        return _imported(saved, draft)

    async def remove(self, account_id: int, selector: str) -> None:
        """Archive one of the account's own connectors with its actions. Raises NotFound, and Conflict for one of the
        release."""
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id)
            found = await store.connector(connection, selector)
            if found is None or found.archived_at is not None:
                raise NotFound("connector", selector)
            if found.account_id is None:
                raise Conflict(f"{found.key} came with this release and cannot be removed")
            await store.archive_connector(connection, found)

    # ------------------------------------------------------------ actions

    async def actions(
        self,
        account_id: int,
        *,
        connector_id: str | None = None,
        connection_id: str | None = None,
        search: str | None = None,
        include_archived: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Action]:
        """Actions of a connector, or of a connection: its connector's and its own. Of several with one key the closest
        counts: the connection's, the account's, the release's. Whether the caller may see the connection is the
        caller's question."""
        async with self._database.tenant(account_id) as connection:
            if connection_id is not None and connector_id is None:
                connector_id = await store.connector_of(connection, account_id, connection_id)
                if connector_id is None:
                    return []
            return await store.actions(
                connection,
                connector_id=connector_id,
                connection_id=connection_id,
                search=search or "",
                archived=include_archived,
                limit=limit,
                offset=offset,
            )

    async def action(
        self,
        account_id: int,
        selector: str,
        *,
        connector_id: str | None = None,
        connection_id: str | None = None,
    ) -> Action:
        """By id, or by key within a connector (or a connection's). Archived ones by id only. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            if connection_id is not None and connector_id is None:
                connector_id = await store.connector_of(connection, account_id, connection_id)
            found = await store.action(connection, selector, connector_id=connector_id, connection_id=connection_id)
        if found is None:
            raise NotFound("action", selector)
        return found

    async def actions_by_id(self, account_id: int, action_ids: Iterable[str]) -> dict[str, Action]:
        """Those that there are."""
        async with self._database.tenant(account_id) as connection:
            found = await store.actions_by_id(connection, list(action_ids))
        return {one.action_id: one for one in found}

    async def add_action(self, account_id: int, action: NewAction) -> Action:
        """An action of one connection, or of a connector within the account. Raises Invalid, NotFound, Conflict."""
        async with self._database.tenant(account_id) as connection:
            connector_id = action.connector_id
            if action.connection_id is not None:
                connector_id = await store.connector_of(connection, account_id, action.connection_id) or ""
                if not connector_id:
                    raise NotFound("connection", action.connection_id)
            connector = await store.connector(connection, connector_id)
            if connector is None or connector.archived_at is not None:
                raise NotFound("connector", connector_id)
            await store.lock(connection, account_id)
            taken = await store.keys(connection, account_id, connector.connector_id, action.connection_id)
            if len(taken) >= MAX_MADE + 10_000 * (connector.account_id is not None and not action.connection_id):
                raise Conflict(f"{MAX_MADE} actions are the most there can be: remove one first")
            if action.key and action.key in taken:
                raise Conflict(f"there is an action {action.key} already", field="key")
            made = _made(account_id, connector, action, taken)
            await store.save_made(connection, connector, made)
            found = await store.action(connection, made.action_id, connector_id=None, connection_id=None)
        assert found is not None
        return found

    async def clone_action(
        self, account_id: int, action: Action, *, connection_id: str | None = None, change: ActionChange | None = None
    ) -> Action:
        """A copy that callers may change: within a connection, or within the account for every connection.

        It has the key of the original, which it stands before (or that of ``change``). One that was archived there
        under that key comes back as what is copied now. Raises Invalid, NotFound, Conflict when the key is taken.
        """
        async with self._database.tenant(account_id) as connection:
            connector = await store.connector(connection, action.connector_id)
            if connector is None or connector.archived_at is not None:
                raise NotFound("connector", action.connector_id)
            await store.lock(connection, account_id)
            copy = msgspec.structs.replace(
                action, action_id=short_id(), account_id=account_id, connection_id=connection_id, made=True
            )
            copy = _changed(copy, change or ActionChange())
            back = await store.archived_key(connection, account_id, action.connector_id, connection_id, copy.key)
            taken = await store.keys(connection, account_id, action.connector_id, connection_id)
            if back is None and copy.key in taken:
                raise Conflict(f"there is an action {copy.key} already", field="key")
            if back is None and len(taken) >= MAX_MADE + 10_000 * (connection_id is None):
                raise Conflict(f"{MAX_MADE} actions are the most there can be: remove one first")
            copy = msgspec.structs.replace(copy, action_id=back or copy.action_id)
            await store.save_made(connection, connector, copy)
            found = await store.action(connection, copy.action_id, connector_id=None, connection_id=None)
        assert found is not None
        return found

    async def change_action(self, account_id: int, action_id: str, change: ActionChange) -> Action:
        """Change an action that a caller made. Raises Invalid, NotFound, and Conflict for one of a document."""
        async with self._database.tenant(account_id) as connection:
            await store.lock(connection, account_id)
            present = await store.action(connection, action_id, connector_id=None, connection_id=None)
            if present is None or present.action_id != action_id:
                raise NotFound("action", action_id)
            _require_made(present)
            connector = await store.connector(connection, present.connector_id)
            assert connector is not None
            changed = _changed(present, change)
            if changed.key != present.key:
                taken = await store.keys(connection, account_id, present.connector_id, present.connection_id)
                if changed.key in taken:
                    raise Conflict(f"there is an action {changed.key} already", field="key")
            await store.save_made(connection, connector, changed)
            found = await store.action(connection, action_id, connector_id=None, connection_id=None)
        assert found is not None
        return found

    async def remove_action(self, account_id: int, action_id: str) -> None:
        """Archive an action that a caller made. Raises NotFound, and Conflict for one of a document."""
        await self._set_archived(account_id, action_id, archived=True)

    async def restore_action(self, account_id: int, action_id: str) -> Action:
        """Take it back. Raises NotFound, Conflict."""
        await self._set_archived(account_id, action_id, archived=False)
        return await self.action(account_id, action_id)

    async def _set_archived(self, account_id: int, action_id: str, *, archived: bool) -> None:
        async with self._database.tenant(account_id) as connection:
            present = await store.action(connection, action_id, connector_id=None, connection_id=None)
            if present is None or present.action_id != action_id:
                raise NotFound("action", action_id)
            _require_made(present)
            await store.set_archived(connection, account_id, action_id, archived=archived)


def _imported(connector: Connector, draft: Draft) -> Imported:
    return Imported(connector=connector, actions=len(draft.actions), operations=draft.operations, notes=draft.notes)


def _is_connector(path: Path) -> bool:
    return path.is_dir() and (path / "connector.yaml").is_file()


def _folder_hash(folder: Path) -> bytes:
    """Of every file of a folder, and of the code that reads them."""
    digest = blake2b(_code_hash(), digest_size=32)
    for path in sorted(folder.iterdir()):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.digest()


@cache
def _code_hash() -> bytes:
    """Of this room's code: what it makes of a document may differ in the next release."""
    digest = blake2b(digest_size=32)
    here = Path(__file__).parent
    for path in (*sorted(here.glob("*.py")), here / "catalogue.sql", here.parent / "model.py"):
        digest.update(path.read_bytes())
    return digest.digest()


# ---------------------------------------------------------------- actions made by callers


def _require_made(action: Action) -> None:
    if not action.made:
        raise Conflict(f"{action.key} is part of its connector; make an action of your own beside it")


def _made(account_id: int, connector: Connector, given: NewAction, taken: set[str]) -> Action:
    if given.type not in ("api-request-to-external-app", "api-request"):
        raise Invalid("type", "must be api-request-to-external-app")
    name = _name(given.name)
    shape = _shape(given.config)
    method = shape.steps[0].method
    return Action(
        action_id=short_id(),
        account_id=account_id,
        connector_id=connector.connector_id,
        connector_key=connector.key,
        connection_id=given.connection_id,
        key=_key(given.key) if given.key else words.unique(words.slug(name) or "action", taken),
        name=name,
        description=_description(given.description),
        effect=given.effect or _effect(method),
        idempotent=_is_idempotent(method) if given.idempotent is None else given.idempotent,
        input_schema=_schema("inputSchema", dict(given.input_schema) or {"type": "object"}),
        output_schema=_schema("outputSchema", given.output_schema),
        shape=shape,
        keywords=given.keywords,
        intents=given.intents,
        made=True,
    )


def _changed(present: Action, change: ActionChange) -> Action:
    made: dict[str, Any] = {}
    if change.key is not UNSET:
        made["key"] = _key(change.key)
    if change.name is not UNSET:
        made["name"] = _name(change.name)
    if change.description is not UNSET:
        made["description"] = _description(change.description)
    if change.config is not UNSET:
        shape = _shape(change.config)
        made["shape"], made["operation"] = shape, None
        made["effect"] = _effect(shape.steps[0].method)
        made["idempotent"] = _is_idempotent(shape.steps[0].method)
    if change.input_schema is not UNSET:
        made["input_schema"] = _schema("inputSchema", change.input_schema)
    if change.output_schema is not UNSET:
        made["output_schema"] = _schema("outputSchema", change.output_schema)
    for member in ("effect", "idempotent", "keywords", "intents"):
        value = getattr(change, member)
        if value is not UNSET:
            made[member] = value
    return msgspec.structs.replace(present, **made)


def _shape(config: Any) -> Shape:
    """The one request of ``{request: {...}}``; its values may be formulas. Raises Invalid."""
    request: Any = config.get("request")
    if not isinstance(request, dict):
        raise Invalid("config.request", "is missing: {method, path, query?, headers?, body?}")
    given = msgspec.convert(request, dict[str, Any])
    unknown = set(given) - _REQUEST
    if unknown:
        raise Invalid(f"config.request.{min(unknown)}", "is not known")
    method = str(given.get("method", "GET")).upper()
    if method not in _METHODS:
        raise Invalid("config.request.method", f"must be one of {', '.join(_METHODS)}")
    path = given.get("path")
    if not isinstance(path, (str, dict)) or not path:
        raise Invalid("config.request.path", "is missing, or is neither text nor a formula")
    step = Step(
        method=method, path=path, query=given.get("query"), headers=given.get("headers"), body=given.get("body")
    )
    return Shape(steps=(step,))


def _effect(method: str) -> Effect:
    if method in ("GET", "HEAD"):
        return Effect.READ
    return Effect.DESTRUCTIVE if method == "DELETE" else Effect.WRITE


def _is_idempotent(method: str) -> bool:
    return method in ("GET", "HEAD", "PUT", "DELETE")


def _key(key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", key) or len(key) > MAX_KEY:
        raise Invalid("key", "must have letters, digits, dots, dashes and underscores, 100 at most")
    return key


def _name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("name", f"must have 1 to {MAX_NAME} printable characters")
    return name


def _description(text: str) -> str:
    if len(text) > MAX_DESCRIPTION * 4:
        raise Invalid("description", f"must have at most {MAX_DESCRIPTION * 4} characters")
    return text


def _schema(field: str, schema: Schema) -> Schema:
    problem = problem_of(schema)
    if problem:
        raise Invalid(field, f"is not a valid JSON Schema: {problem}")
    return schema
