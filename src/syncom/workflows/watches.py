"""What a definition has to look at: types of events, and segments, some of which it keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncom.carts.service import ABANDONED
from syncom.errors import Invalid
from syncom.events.service import EventsService
from syncom.postgres.pool import Connection
from syncom.segments.membership import MembershipService
from syncom.workflows import language as words
from syncom.workflows.language import Definition, Trigger
from syncom.workflows.model import Cause
from syncom.workflows.store import Watch

#: The type of the events of each report of a site (docs/events.md).
PAGES: Final[Mapping[str, str]] = {
    "page_view": "pageViewed",
    "product_view": "productViewed",
    "category_view": "productCategoryViewed",
    "cart": "cartUpdated",
    "purchase": "itemsPurchased",
    "abandoned_cart": ABANDONED,
}
#: Watches of the whole workflow, not of a step.
WHOLE: Final = -1


def event_of(trigger: Trigger) -> str:
    """Type of the events that let in; empty: something else does."""
    match trigger:
        case words.EventTrigger():
            return trigger.event_type
        case words.PageTrigger():
            return PAGES[trigger.what]
        case words.OrderTrigger():
            return f"order{trigger.status}"
        case _:
            return ""


def condition_of(trigger: Trigger) -> dict[str, Any] | None:
    """What a contact comes to match, or no longer does, when it comes in; None: something else lets in."""
    match trigger:
        case words.ListTrigger():
            return {"list": trigger.list_id}
        case words.ActivityTrigger():
            link = {} if trigger.link is None else {"link": trigger.link}
            return {"activity": trigger.did, "campaign": trigger.campaign_id, **link}
        case _:
            return None


class Watcher:
    """Makes the watches of one version, in the transaction that publishes it."""

    def __init__(
        self,
        connection: Connection,
        account_id: int,
        workflow_id: int,
        version: int,
        events: EventsService,
        membership: MembershipService,
    ) -> None:
        self._connection = connection
        self._account_id = account_id
        self._workflow_id = workflow_id
        self._version = version
        self._events = events
        self._membership = membership
        self._found: list[Watch] = []

    async def watches(self, definition: Definition) -> list[Watch]:
        """All of a definition's. Raises Invalid naming what is not there."""
        await self._trigger(definition.trigger)
        for place, one in enumerate(definition.rules.exits):
            await self._happening(Cause.EXIT, WHOLE, one, f"definition.rules.exits.{place}", f"exit {place + 1}")
        for number, step in enumerate(definition.steps):
            at = f"definition.steps.{number}"
            if isinstance(step, words.Goal):
                await self._happening(Cause.GOAL, number, step, at, f"goal {step.id}")
            elif isinstance(step, words.WaitFor):
                await self._event(Cause.WAIT, number, step.event_type, step.where, f"{at}.event_type")
        return self._found

    async def _trigger(self, trigger: Trigger) -> None:
        at = "definition.trigger"
        event_type = event_of(trigger)
        condition = condition_of(trigger)
        if event_type:
            where: Mapping[str, Any] = getattr(trigger, "where", {})
            await self._event(Cause.TRIGGER, WHOLE, event_type, where, f"{at}.event_type")
        elif isinstance(trigger, words.SegmentTrigger):
            if not await self._membership.exists(self._connection, self._account_id, trigger.segment_id):
                raise Invalid(f"{at}.segment_id", f"there is no segment {trigger.segment_id}")
            self._add(Cause.TRIGGER, WHOLE, segment_id=trigger.segment_id, entered=trigger.when == "enters")
        elif condition is not None:
            await self._segment(
                Cause.TRIGGER, WHOLE, condition, "trigger", entered=getattr(trigger, "when", "joins") == "joins"
            )

    async def _happening(self, cause: Cause, step: int, one: words.Exit | words.Goal, at: str, name: str) -> None:
        if one.event_type:
            await self._event(cause, step, one.event_type, one.where, f"{at}.event_type")
        else:
            await self._segment(cause, step, one.condition, name)

    async def _event(self, cause: Cause, step: int, event_type: str, where: Mapping[str, Any], at: str) -> None:
        """A type is made when no event of it has come yet."""
        try:
            made = await self._events.types.made_in(self._connection, self._account_id, event_type)
        except Invalid as error:
            raise Invalid(at, error.fields[0].reason) from None
        self._add(cause, step, event_type_id=made.event_type_id, filter=dict(where))

    async def _segment(
        self, cause: Cause, step: int, condition: dict[str, Any], name: str, *, entered: bool = True
    ) -> None:
        segment_id = await self._membership.watch(
            self._connection,
            self._account_id,
            f"workflow {self._workflow_id}, version {self._version}: {name}",
            condition,
        )
        self._add(cause, step, segment_id=segment_id, entered=entered)

    def _add(
        self,
        cause: Cause,
        step: int,
        *,
        event_type_id: int | None = None,
        segment_id: int | None = None,
        entered: bool = True,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the column's own word, keyword-only
    ) -> None:
        self._found.append(
            Watch(self._workflow_id, self._version, cause, step, event_type_id, segment_id, entered, filter or {})
        )
