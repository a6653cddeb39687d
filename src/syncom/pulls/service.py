"""Use cases of pulls: the only module of this room that others import, besides ``model`` and ``jobs``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from syncom.clock import Clock
from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.connections.service import ConnectionsService
from syncom.connect.model import Action, Caller, CallerKind, Connection, Effect
from syncom.connect.runs.service import RunsService
from syncom.connect.tenants.service import TenantsService
from syncom.contacts.model import Change, ContactInput, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService
from syncom.errors import Conflict, Invalid, NotFound, SyncomError
from syncom.orders.model import OrderInput
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from syncom.pulls import store
from syncom.pulls.mapping import filled, mapped, rows_of
from syncom.pulls.model import Pull, PullInput, PullKind, PullProblem, PullResult

#: Seconds between pulls at the least.
LEAST_EVERY: Final = 60
_LONGEST_NAME: Final = 200
#: Rows written in one transaction.
_BATCH: Final = 1_000
#: Rows of a pull are asked for again from a little before the last one: clocks differ, and apps index late.
_OVERLAP: Final = timedelta(minutes=5)
#: Longer than a batch of rows takes; a pull renews it after each.
LEASE: Final = timedelta(minutes=15)
_LONGEST_WAIT: Final = timedelta(hours=6)
_MOST_PROBLEMS: Final = 20


class PullsService:
    """Pulls of an account."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        catalogue: CatalogueService,
        connections: ConnectionsService,
        tenants: TenantsService,
        runs: RunsService,
        contacts: ContactsService,
        orders: OrdersService,
    ) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._connections = connections
        self._tenants = tenants
        self._runs = runs
        self._contacts = contacts
        self._orders = orders

    async def add(self, account_id: int, given: PullInput) -> Pull:
        """Pull from now on. Raises Invalid for a wrong member, NotFound for an unknown connection or action, Conflict
        for a name that is taken."""
        given = await self._checked(account_id, given)
        now = self._clock.now()
        async with self._database.tenant(account_id) as connection:
            if any(pull.name == given.name for pull in await store.list_pulls(connection, account_id)):
                raise Conflict(f"there is a pull named {given.name}; choose another name", field="name")
            saved = await store.add(connection, account_id, given, now if given.every else None)
        if saved is None:
            raise Conflict(f"there is a pull named {given.name}; choose another name", field="name")
        return saved

    async def list(self, account_id: int) -> list[Pull]:
        async with self._database.tenant(account_id) as connection:
            return await store.list_pulls(connection, account_id)

    async def get(self, account_id: int, pull_id: int) -> Pull:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            found = await store.get(connection, account_id, pull_id)
        if found is None:
            raise NotFound("pull", pull_id)
        return found

    async def set_enabled(self, account_id: int, pull_id: int, *, enabled: bool) -> Pull:
        """Go on pulling, or rest. Raises NotFound."""
        pull = await self.get(account_id, pull_id)
        next_at = self._clock.now() if enabled and pull.every else None
        async with self._database.tenant(account_id) as connection:
            found = await store.enable(connection, account_id, pull_id, enabled=enabled, next_at=next_at)
        if found is None:
            raise NotFound("pull", pull_id)
        return found

    async def remove(self, account_id: int, pull_id: int) -> None:
        """What was pulled stays. Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            if not await store.remove(connection, account_id, pull_id):
                raise NotFound("pull", pull_id)

    async def run_now(self, account_id: int, pull_id: int) -> Pull:
        """Pull at once and wait for it. Raises Conflict while somebody pulls, and whatever made it fail."""
        pull = await self.get(account_id, pull_id)
        now = self._clock.now()
        async with self._database.tenant(account_id) as connection:
            if not await store.lease_one(connection, account_id, pull_id, now=now, until=now + LEASE):
                raise Conflict("this pull is running already; look again in a moment")
        error = await self.perform(account_id, pull)
        if error is not None:
            raise error
        return await self.get(account_id, pull_id)

    async def preview(
        self, account_id: int, given: PullInput, *, limit: int = 5
    ) -> tuple[list[Any], list[PullProblem]]:
        """What the first rows would become; nothing is written. Raises like :meth:`add`."""
        given = await self._checked(account_id, given)
        rows, _ = await self._rows(account_id, given, since=None, actor="preview")
        good, problems = mapped(rows[:limit], given.mapping, _type_of(given.kind))
        return [row for _, row in good], problems

    async def perform(self, account_id: int, pull: Pull) -> SyncomError | None:
        """One pull whose lease the caller has, kept in its row; the error that ended it, if one did."""
        begun = self._clock.now()
        run_id: str | None = None
        try:
            since = None if pull.since is None else pull.since - _OVERLAP
            rows, run_id = await self._rows(account_id, pull, since=since, actor=f"pull:{pull.pull_id}")
            result = await self._write(account_id, pull, rows)
        except SyncomError as error:
            wait = min(timedelta(minutes=2 ** min(pull.failures, 10)), _LONGEST_WAIT)
            next_at = self._clock.now() + wait if pull.every else None
            async with self._database.tenant(account_id) as connection:
                await store.finished(
                    connection,
                    account_id,
                    pull.pull_id,
                    next_at=next_at,
                    run_at=begun,
                    run_id=getattr(error, "run_id", run_id),
                    error=error.message,
                )
            return error
        next_at = begun + timedelta(seconds=pull.every) if pull.every else None
        async with self._database.tenant(account_id) as connection:
            await store.finished(
                connection,
                account_id,
                pull.pull_id,
                next_at=next_at,
                run_at=begun,
                run_id=run_id,
                since=begun,
                result=result,
            )
        return None

    # ------------------------------------------------------------ steps

    async def _checked(self, account_id: int, given: PullInput) -> PullInput:
        if not given.name.strip() or len(given.name) > _LONGEST_NAME:
            raise Invalid("name", f"must be 1 to {_LONGEST_NAME} characters")
        if given.every and given.every < LEAST_EVERY:
            raise Invalid("every", f"must be at least {LEAST_EVERY} seconds, or 0 for pulls on demand")
        caller = await self._caller(account_id, given, "check")
        _, action = await self._source(caller, given)
        if action.effect is not Effect.READ:
            raise Invalid("action", f"{action.key} changes things in the app; a pull takes an action that reads")
        filled(given.input, None)
        return given

    async def _rows(
        self, account_id: int, given: PullInput, *, since: datetime | None, actor: str
    ) -> tuple[list[Any], str]:
        caller = await self._caller(account_id, given, actor)
        connection, action = await self._source(caller, given)
        result = await self._runs.run(caller, connection, action, filled(given.input, since))
        return rows_of(result.output, given.rows), result.run_id

    async def _caller(self, account_id: int, given: PullInput, actor: str) -> Caller:
        tenant = await self._tenants.tenant(account_id, given.tenant)
        return Caller(
            account_id=account_id,
            kind=CallerKind.TENANT,
            workspace_key="",
            tenant_id=tenant.tenant_id,
            tenant_key=given.tenant,
            actor=actor,
        )

    async def _source(self, caller: Caller, given: PullInput) -> tuple[Connection, Action]:
        connection = await self._connections.get(caller, given.connection_id)
        action = await self._catalogue.action(
            caller.account_id,
            given.action,
            connector_id=connection.connector_id,
            connection_id=connection.connection_id,
        )
        return connection, action

    async def _write(self, account_id: int, pull: Pull, rows: Sequence[Any]) -> PullResult:
        total = PullResult(rows=len(rows))
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            if pull.kind is PullKind.CONTACTS:
                done = await self._write_contacts(account_id, pull, batch)
            else:
                done = await self._write_orders(account_id, pull, batch)
            total = _sum(total, done, start)
            async with self._database.system() as connection:
                await store.hold(connection, pull.pull_id, self._clock.now() + LEASE)
        return total

    async def _write_contacts(self, account_id: int, pull: Pull, rows: Sequence[Any]) -> PullResult:
        good, problems = mapped(rows, pull.mapping, ContactInput)
        options = UpsertOptions(
            key=pull.key,
            mode=pull.mode,
            list_ids=pull.list_ids,
            consent=SubscriptionState.SUBSCRIBED if pull.subscribed else SubscriptionState.NONE,
            source="pull",
            consent_detail={"pull_id": pull.pull_id},
        )
        result = await self._contacts.upsert(account_id, [row for _, row in good], options)
        problems += [PullProblem(row=good[one.index][0], field=one.field, reason=one.reason) for one in result.problems]
        return PullResult(
            created=sum(change is Change.CREATED for change in result.changes),
            updated=sum(change is Change.UPDATED for change in result.changes),
            unchanged=sum(change is Change.UNCHANGED for change in result.changes),
            refused=len({problem.row for problem in problems}),
            problems=problems,
        )

    async def _write_orders(self, account_id: int, pull: Pull, rows: Sequence[Any]) -> PullResult:
        good, problems = mapped(rows, pull.mapping, OrderInput)
        orders = [row for _, row in good]
        known = set(await self._orders.known(account_id, [order.external_id for order in orders]))
        taken = await self._orders.take(account_id, orders)
        refused = {one.index for one in taken.problems}
        problems += [PullProblem(row=good[one.index][0], field=one.field, reason=one.reason) for one in taken.problems]
        written = {order.external_id for place, order in enumerate(orders) if place not in refused}
        return PullResult(
            created=len(written - known),
            updated=len(written & known),
            refused=len({problem.row for problem in problems}),
            problems=problems,
        )


def _type_of(kind: PullKind) -> Any:
    return ContactInput if kind is PullKind.CONTACTS else OrderInput


def _sum(total: PullResult, done: PullResult, start: int) -> PullResult:
    moved = [PullProblem(row=one.row + start, field=one.field, reason=one.reason) for one in done.problems]
    return PullResult(
        rows=total.rows,
        created=total.created + done.created,
        updated=total.updated + done.updated,
        unchanged=total.unchanged + done.unchanged,
        refused=total.refused + done.refused,
        problems=[*total.problems, *moved][:_MOST_PROBLEMS],
    )
