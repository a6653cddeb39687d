"""Runs: an action on a connection, from its input to its shaped output, written down from before its first request.

What a record keeps is what people may read: credentials are struck out, hidden members masked, long values cut. The
input itself is kept sealed beside it, so that a run can be replayed; with an idempotency key the output is too, for a
day, so that the same call again is answered without a request.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol, cast

import msgspec

from syncom.clock import Clock
from syncom.connect.model import (
    Action,
    ActionRun,
    Authorisation,
    Caller,
    CallerKind,
    Connection,
    Effect,
    Fault,
    Pagination,
    RunResult,
    RunStatus,
    Shape,
    Step,
)
from syncom.connect.runs import store
from syncom.connect.runs.building import encode_body, operation_request, own_headers, plain_pairs, step_request
from syncom.connect.runs.checking import Checker
from syncom.connect.runs.formula import evaluate, is_true
from syncom.connect.runs.model import Answered, DoneBefore, RunFailed, Runs, Wanted
from syncom.connect.runs.paging import Pages
from syncom.connect.runs.redaction import Redaction
from syncom.connect.runs.sending import Sender, fault_of
from syncom.connect.transport.doubts import Doubts
from syncom.connect.transport.service import Transport
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, SyncomError, Unavailable, Upstream
from syncom.ids import short_id
from syncom.postgres.pool import Database
from syncom.security import Keyring

#: Seconds that one run may take, all pages, steps, pauses and repeats together.
MAX_SECONDS: Final = 300.0
#: A run under way for longer was lost with its process.
_LOST_AFTER: Final = timedelta(minutes=10)
_KEY_LIFE: Final = timedelta(days=1)
_MAX_KEY: Final = 255
_MAX_INPUT: Final = 10 * 1024 * 1024
_MAX_KEPT_OUTPUT: Final = 8 * 1024 * 1024
_MAX_META: Final = 16 * 1024
_MAX_EXCHANGES: Final = 200
#: Methods of a raw call (membrane-api, 6.7 and 15: item 29).
METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")
_LOST: Final = Fault(
    type="action_run", key="unknown", message="the server ended during this run: whether the app did it is not known"
)
_encode = msgspec.json.Encoder().encode


class Connections(Protocol):
    """What is needed of connections."""

    async def get(self, caller: Caller, selector: str) -> Connection: ...
    async def authorise(self, connection: Connection) -> Authorisation: ...
    async def refused(self, connection: Connection, seen: Authorisation) -> Authorisation | None: ...


class Actions(Protocol):
    """Where actions are found."""

    async def action(
        self, account_id: int, selector: str, *, connector_id: str | None = None, connection_id: str | None = None
    ) -> Action: ...


class RawCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is no action's: ``api`` of /act."""

    method: str
    path: str
    query: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    body: Any = None


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run."""

    connection: Connection
    action: Action | None
    call: RawCall | None
    input: Any
    meta: Any
    idempotency_key: str | None
    replay_of: str | None = None

    @property
    def name(self) -> str:
        return self.action.name if self.action else f"{self.call.method} {self.call.path}"[:500] if self.call else ""


class RunsService:
    """Use cases of runs."""

    def __init__(
        self,
        database: Database,
        actions: Actions,
        connections: Connections,
        transport: Transport,
        doubts: Doubts,
        keyring: Keyring,
        clock: Clock,
        *,
        keep_days: int = 14,
    ) -> None:
        self._database = database
        self._actions = actions
        self._connections = connections
        self._transport = transport
        self._doubts = doubts
        self._keyring = keyring
        self._clock = clock
        self._keep = timedelta(days=keep_days)
        self._checker = Checker()
        self._fingerprint_key = keyring.key("run fingerprint")

    async def run(
        self,
        caller: Caller,
        connection: Connection,
        action: Action,
        input: Any,  # noqa: A002 - the name of it in every client
        *,
        meta: Any = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """Run an action on a connection.

        ``dry_run`` sends nothing and gives the requests that would be sent, as far as they do not hang on answers.
        ``idempotency_key``: the same call again within a day gives the first run's result and sends nothing.
        Raises Invalid that names the wrong member of the input (``$.contact.email``), Forbidden when the token may not
        do this, NotFound for a connection or action of somebody else, Conflict for a key that was used for another
        call or whose run is under way, RunFailed when the run began and failed.
        """
        self._check(caller, connection, action)
        given = self._checker.check(action, input)
        job = _Job(
            connection=connection, action=action, call=None, input=given, meta=meta, idempotency_key=idempotency_key
        )
        return await self._preview(caller, job) if dry_run else await self._recorded(caller, job)

    def check_draft(self, action: Action, given: Any, is_open: Callable[[Any], bool]) -> None:
        """Whether an action may take an input of which values are still to be filled in: those for which ``is_open`` is
        true. Raises Invalid that names each wrong, missing or unknown member."""
        self._checker.check_draft(action, given, is_open)

    async def request(
        self,
        caller: Caller,
        connection: Connection,
        *,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        body: Any = None,
        meta: Any = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """One call of any method and path with the connection's credentials, as a recorded run. Its output is the body
        of the answer. Raises as :meth:`run`."""
        call = RawCall(
            method=method.upper(), path=path, query=dict(query or {}), headers=dict(headers or {}), body=body
        )
        if call.method not in METHODS:
            raise Invalid("method", f"must be one of {', '.join(METHODS)}")
        self._check(caller, connection, None, reads=call.method == "GET")
        job = _Job(
            connection=connection,
            action=None,
            call=call,
            input=msgspec.to_builtins(call),
            meta=meta,
            idempotency_key=idempotency_key,
        )
        return await self._preview(caller, job) if dry_run else await self._recorded(caller, job)

    async def runs(
        self,
        caller: Caller,
        *,
        connection_id: str | None = None,
        status: RunStatus | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> Runs:
        """Runs, newest first: of the caller's tenant, or of the whole workspace for a manager. ``before``: the id of
        the last run of the page before."""
        async with self._database.tenant(caller.account_id) as connection:
            place = await store.started_at(connection, caller.account_id, before) if before else None
            if before and place is None:
                raise Invalid("before", "is not the id of a run")
            found = await store.select(
                connection,
                caller.account_id,
                tenant_id=_tenant_of(caller),
                connection_id=connection_id,
                connections=_chosen(caller),
                status=status.value if status else None,
                before=(place, before) if place and before else None,
                limit=limit + 1,
            )
        items = [self._seen(run) for run in found[:limit]]
        return Runs(items=items, before=items[-1].run_id if len(found) > limit else None)

    async def get(self, caller: Caller, run_id: str) -> ActionRun:
        """One run with its exchanges. Raises NotFound."""
        async with self._database.tenant(caller.account_id) as connection:
            found = await store.select(
                connection,
                caller.account_id,
                tenant_id=_tenant_of(caller),
                run_id=run_id,
                connections=_chosen(caller),
            )
        if not found:
            raise NotFound("run", run_id)
        return self._seen(found[0])

    async def replay(self, caller: Caller, run_id: str) -> RunResult:
        """The same input again, as a new run, with the action and the connection as they are now. Raises NotFound,
        Conflict when the input is not kept, and as :meth:`run`."""
        old = await self.get(caller, run_id)
        async with self._database.system() as connection:
            sealed = await store.sealed_input(connection, caller.account_id, run_id)
        if sealed is None or old.connection_id is None:
            raise Conflict("this run cannot be replayed: its input is not kept")
        given = msgspec.json.decode(self._keyring.unseal(sealed, purpose="run input", owner=f"run:{run_id}"))
        connection = await self._connections.get(caller, old.connection_id)
        action: Action | None = None
        call: RawCall | None = None
        if old.action_id is None:
            call = msgspec.convert(given, RawCall)
            self._check(caller, connection, None, reads=call.method == "GET")
        else:
            action = await self._actions.action(
                caller.account_id,
                old.action_id,
                connector_id=connection.connector_id,
                connection_id=connection.connection_id,
            )
            self._check(caller, connection, action)
            given = self._checker.check(action, given)
        job = _Job(
            connection=connection,
            action=action,
            call=call,
            input=given,
            meta=old.meta,
            idempotency_key=None,
            replay_of=run_id,
        )
        return await self._recorded(caller, job)

    async def upkeep(self) -> None:
        """Runs whose process died become ``unknown``; those that had their time go. Safe to repeat."""
        now = self._clock.now()
        async with self._database.system() as connection:
            await store.sweep(connection, now - _LOST_AFTER, _LOST)
            await store.forget(connection, now - self._keep, now - _KEY_LIFE)

    # ------------------------------------------------------------ may it be run

    def _check(self, caller: Caller, connection: Connection, action: Action | None, *, reads: bool = False) -> None:
        """Raises NotFound, Forbidden."""
        same_tenant = caller.kind is CallerKind.MANAGER or caller.tenant_id == connection.tenant_id
        chosen = caller.restrictions.connections
        if connection.account_id != caller.account_id or not same_tenant or connection.archived_at is not None:
            raise NotFound("connection", connection.connection_id)
        if chosen is not None and connection.connection_id not in chosen:
            raise NotFound("connection", connection.connection_id)
        actions = caller.restrictions.actions
        if action is None:
            if actions is not None:
                raise Forbidden("this token may run chosen actions only, and no requests of its own")
            if caller.restrictions.read_only and not reads:
                raise Forbidden("this token may only read: GET requests")
            return
        if (
            action.connector_id != connection.connector_id
            or action.connection_id not in (None, connection.connection_id)
            or action.account_id not in (None, caller.account_id)
            or action.archived_at is not None
        ):
            raise NotFound("action", action.action_id)
        if actions is not None and not {action.action_id, action.key} & actions:
            raise Forbidden(f"this token may not run {action.key}")
        if caller.restrictions.read_only and action.effect is not Effect.READ:
            raise Forbidden(f"this token may only read, and {action.key} does more")

    # ------------------------------------------------------------ running

    async def _recorded(self, caller: Caller, job: _Job) -> RunResult:
        """A run with its row: there before the first request, completed after the last."""
        run_id = short_id()
        encoded = _encoded(job.input)
        meta = _checked_meta(job.meta)
        fingerprint = self._fingerprint(job, encoded) if _checked_key(job.idempotency_key) else None
        authorisation, refusal = await self._authorised(job.connection)
        redaction = Redaction(authorisation) if authorisation else Redaction()
        schema = job.action.input_schema if job.action else None
        run = ActionRun(
            run_id=run_id,
            account_id=caller.account_id,
            tenant_id=job.connection.tenant_id,
            connection_id=job.connection.connection_id,
            action_id=job.action.action_id if job.action else None,
            action_key=job.action.key if job.action else "api",
            name=redaction.text(job.name),
            status=RunStatus.RUNNING,
            actor=caller.actor,
            input=redaction.record(job.input, schema),
            meta=redaction.value(meta),
            replay_of=job.replay_of,
            started_at=self._clock.now(),
        )
        if not await self._begun(run, job, encoded, fingerprint):
            return await self._again(run, job, fingerprint)
        if authorisation is None:
            fault = refusal or _LOST
            await self._finish(msgspec.structs.replace(run, status=RunStatus.ERROR, fault=fault, duration=0), None)
            raise RunFailed(run_id, fault)
        # Whoever asked may go away; what was begun is seen to its end and written down.
        return await asyncio.shield(asyncio.ensure_future(self._carried_out(caller, run, job, authorisation)))

    def _sender(self, caller: Caller, job: _Job, authorisation: Authorisation) -> Sender:
        return Sender(
            self._transport,
            self._connections,
            self._clock,
            job.connection,
            authorisation,
            idempotent=job.action is not None and job.action.idempotent,
            refused=lambda seen: self._doubts.refused(caller, job.connection, seen),
        )

    async def _carried_out(self, caller: Caller, run: ActionRun, job: _Job, authorisation: Authorisation) -> RunResult:
        sender = self._sender(caller, job, authorisation)
        began = self._clock.monotonic()
        output: Any = None
        fault: Fault | None = None
        status = RunStatus.ERROR
        try:
            async with asyncio.timeout(MAX_SECONDS):
                output = await self._output(job, sender)
            status = RunStatus.SUCCESS
        except TimeoutError:
            fault = Fault(
                type="action_run", key="upstream_timeout", message=f"the run took longer than {MAX_SECONDS:.0f} seconds"
            )
        except SyncomError as error:
            fault = fault_of(error)
        except Exception:
            fault = Fault(type="internal", key="internal", message="the server failed; its log says why")
            raise
        finally:
            ended = msgspec.structs.replace(
                run,
                status=status,
                output=sender.redaction.record(output, job.action.output_schema if job.action else None),
                fault=_redacted(fault, sender.redaction),
                exchanges=sender.exchanges[:_MAX_EXCHANGES],
                duration=round((self._clock.monotonic() - began) * 1000),
            )
            sealed: bytes | None = None
            if job.idempotency_key is not None and status is RunStatus.SUCCESS:
                sealed = self._sealed(_encode(output), "run output", run.run_id, _MAX_KEPT_OUTPUT)
            await self._finish(ended, sealed)
        if ended.fault is not None:
            raise RunFailed(run.run_id, ended.fault)
        return RunResult(output=output, run_id=run.run_id)

    async def _output(self, job: _Job, sender: Sender) -> Any:
        if job.call is not None:
            return (await sender.send(_raw_request(job.call), raw=True)).data
        action = job.action
        assert action is not None
        if action.shape is not None:
            return await self._shaped(action.shape, job, sender)
        if action.operation is None:
            raise Invalid("action", f"{action.key} has nothing to run")
        given = cast("dict[str, Any]", job.input if isinstance(job.input, dict) else {})
        wanted = operation_request(action.operation, given, job.connection.parameters)
        return (await self._paged(wanted, action.operation.pagination, sender, ()))[0]

    async def _shaped(self, shape: Shape, job: _Job, sender: Sender) -> Any:
        scope: dict[str, Any] = self._scope(job)
        last: Any = None
        for step in shape.steps:
            if not _wanted(step, scope):
                continue
            wanted = step_request(step, scope)
            last, answered = await self._paged(wanted, step.pagination, sender, step.accept)
            scope["steps"][step.id] = last
            scope["answers"][step.id] = {"status": answered.status, "headers": dict(answered.headers)}
        return last if shape.output is None else evaluate(shape.output, scope, place="$.output")

    @staticmethod
    def _scope(job: _Job) -> dict[str, Any]:
        return {
            "input": job.input,
            "parameters": dict(job.connection.parameters),
            "steps": {},
            "answers": {},
        }

    async def _paged(
        self, wanted: Wanted, pagination: Pagination | None, sender: Sender, accept: tuple[int, ...]
    ) -> tuple[Any, Answered]:
        """The answer with the rows of all pages, and the frame of the last one."""
        if pagination is None:
            answered = await sender.send(wanted, accept=accept)
            return answered.data, answered
        pages = Pages(pagination, wanted)
        answered = await sender.send(pages.first(), accept=accept)
        following = pages.onward(answered)
        while following is not None:
            answered = await sender.send(following, accept=accept)
            following = pages.onward(answered)
        return pages.data, answered

    # ------------------------------------------------------------ dry runs

    async def _preview(self, caller: Caller, job: _Job) -> RunResult:
        """The requests that would be sent. Steps that hang on an answer are named, and not guessed at."""
        authorisation, refusal = await self._authorised(job.connection)
        if authorisation is None:
            raise RunFailed("", refusal or _LOST)
        sender = self._sender(caller, job, authorisation)
        preview: list[Any] = [
            await sender.preview(wanted) if isinstance(wanted, Wanted) else wanted for wanted in self._planned(job)
        ]
        schema = job.action.input_schema if job.action else None
        run = ActionRun(
            run_id=short_id(),
            account_id=caller.account_id,
            tenant_id=job.connection.tenant_id,
            connection_id=job.connection.connection_id,
            action_id=job.action.action_id if job.action else None,
            action_key=job.action.key if job.action else "api",
            name=sender.redaction.text(job.name),
            status=RunStatus.RUNNING,
            actor=caller.actor,
            input=sender.redaction.record(job.input, schema),
            meta=sender.redaction.value(_checked_meta(job.meta)),
            dry_run=True,
            started_at=self._clock.now(),
        )
        await self._begun(run, msgspec.structs.replace(job, idempotency_key=None), _encoded(job.input), None)
        ended = msgspec.structs.replace(
            run, status=RunStatus.SUCCESS, exchanges=sender.redaction.record(preview), duration=0
        )
        await self._finish(ended, None)
        return RunResult(output=None, run_id=run.run_id, preview=preview)

    def _planned(self, job: _Job) -> list[Wanted | dict[str, Any]]:
        if job.call is not None:
            return [_raw_request(job.call)]
        action = job.action
        assert action is not None
        if action.shape is None:
            if action.operation is None:
                raise Invalid("action", f"{action.key} has nothing to run")
            given = cast("dict[str, Any]", job.input if isinstance(job.input, dict) else {})
            wanted = operation_request(action.operation, given, job.connection.parameters)
            return [Pages(action.operation.pagination, wanted).first() if action.operation.pagination else wanted]
        scope = self._scope(job)
        planned: list[Wanted | dict[str, Any]] = []
        for number, step in enumerate(action.shape.steps):
            if number and _depends(step):
                planned.append({"step": step.id, "method": step.method, "note": "made of the answers before it"})
            elif _wanted(step, scope):
                wanted = step_request(step, scope)
                planned.append(Pages(step.pagination, wanted).first() if step.pagination else wanted)
        return planned

    # ------------------------------------------------------------ the record

    async def _authorised(self, connection: Connection) -> tuple[Authorisation | None, Fault | None]:
        try:
            return await self._connections.authorise(connection), None
        except (Conflict, Upstream, Unavailable) as error:
            fault = fault_of(error)
            return None, msgspec.structs.replace(fault, type="connection")

    async def _begun(self, run: ActionRun, job: _Job, encoded: bytes, fingerprint: bytes | None) -> bool:
        async with self._database.system() as connection:
            return await store.begin(
                connection,
                run,
                idempotency_key=job.idempotency_key,
                fingerprint=fingerprint,
                sealed_input=self._sealed(encoded, "run input", run.run_id, _MAX_INPUT),
                key_since=run.started_at - _KEY_LIFE,
            )

    async def _finish(self, run: ActionRun, sealed: bytes | None) -> None:
        async with self._database.system() as connection:
            await store.finish(connection, run, sealed)

    async def _again(self, run: ActionRun, job: _Job, fingerprint: bytes | None) -> RunResult:
        """What the run with the same key came to. Raises Conflict, RunFailed."""
        key = job.idempotency_key or ""
        async with self._database.system() as connection:
            kept = await store.same_key(connection, run.account_id, run.tenant_id, key)
        if kept is None:
            raise Conflict("the run with this idempotency key has just been removed; try again")
        if kept.fingerprint != fingerprint:
            raise Conflict(f"this idempotency key was used for another call (run {kept.run_id})")
        if kept.status == RunStatus.RUNNING.value:
            if kept.started_at < run.started_at - _LOST_AFTER:
                raise RunFailed(kept.run_id, _LOST)
            raise Conflict(f"the run with this idempotency key is under way (run {kept.run_id})")
        if kept.status != RunStatus.SUCCESS.value:
            raise RunFailed(kept.run_id, kept.fault or _LOST)
        if kept.sealed_output is None:
            raise DoneBefore(kept.run_id)
        output = self._keyring.unseal(kept.sealed_output, purpose="run output", owner=f"run:{kept.run_id}")
        return RunResult(output=msgspec.json.decode(output), run_id=kept.run_id)

    def _sealed(self, encoded: bytes, purpose: str, run_id: str, limit: int) -> bytes | None:
        if len(encoded) > limit:
            return None
        return self._keyring.seal(encoded, purpose=purpose, owner=f"run:{run_id}")

    def _fingerprint(self, job: _Job, encoded: bytes) -> bytes:
        """Of a call: a keyed hash, so that a short input cannot be guessed from it."""
        digest = hashlib.blake2b(key=self._fingerprint_key, digest_size=16)
        digest.update(f"{job.connection.connection_id}\0{job.action.action_id if job.action else ''}\0".encode())
        digest.update(encoded)
        return digest.digest()

    def _seen(self, run: ActionRun) -> ActionRun:
        """A run as it is now: one that has been under way for too long is lost, swept or not."""
        if run.status is RunStatus.RUNNING and run.started_at < self._clock.now() - _LOST_AFTER:
            return msgspec.structs.replace(run, status=RunStatus.UNKNOWN, fault=_LOST)
        return run


def _tenant_of(caller: Caller) -> str | None:
    return None if caller.kind is CallerKind.MANAGER else caller.tenant()


def _chosen(caller: Caller) -> Sequence[str] | None:
    chosen = caller.restrictions.connections
    return None if chosen is None else sorted(chosen)


def _encoded(given: Any) -> bytes:
    try:
        encoded = msgspec.json.encode(given, order="sorted")
    except (TypeError, ValueError, RecursionError, UnicodeError, msgspec.MsgspecError):
        raise Invalid("$", "is no JSON") from None
    if len(encoded) > _MAX_INPUT:
        raise Invalid("$", f"must be at most {_MAX_INPUT} bytes")
    return encoded


def _checked_key(key: str | None) -> bool:
    if key is not None and not (0 < len(key) <= _MAX_KEY and key.isprintable()):
        raise Invalid("idempotency_key", f"must have 1 to {_MAX_KEY} printable characters")
    return key is not None


def _checked_meta(meta: Any) -> Any:
    if meta is not None and len(_encoded(meta)) > _MAX_META:
        raise Invalid("meta", f"must be at most {_MAX_META} bytes")
    return meta


def _raw_request(call: RawCall) -> Wanted:
    headers = own_headers(plain_pairs(call.headers, "headers"))
    media = next((value for name, value in headers if name.lower() == "content-type"), "application/json")
    body, media = encode_body(call.body, media, {})
    headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
    return Wanted(
        method=call.method,
        path=call.path,
        query=tuple(plain_pairs(call.query, "query")),
        headers=tuple(headers),
        body=body,
        media=media,
    )


def _wanted(step: Step, scope: Mapping[str, Any]) -> bool:
    return step.when is True or is_true(evaluate(step.when, scope, place=f"$.steps.{step.id}.when"))


def _depends(step: Step) -> bool:
    """Whether a step reads answers of others."""
    parts = _encode([step.path, step.query, step.headers, step.body, step.when])
    return b"steps." in parts or b"answers." in parts or b"steps[" in parts


def _redacted(fault: Fault | None, redaction: Redaction) -> Fault | None:
    if fault is None:
        return None
    data = None if fault.data is None else cast("dict[str, Any]", redaction.value(fault.data))
    return msgspec.structs.replace(fault, message=redaction.text(fault.message)[:2000], data=data)
