"""Whether what a definition names is there: templates, senders, lists, fields, segments, workflows."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

from syncom.contacts import lists
from syncom.contacts.model import Channel, FieldType
from syncom.contacts.service import ContactsService
from syncom.contacts.values import common_values
from syncom.content.service import ContentService
from syncom.errors import FieldError, Invalid, NotFound
from syncom.messages.routes import ROUTES
from syncom.messages.senders import SendersService
from syncom.outbound import check_header, check_url
from syncom.postgres.pool import Connection
from syncom.segments.service import SegmentsService, has_leaf
from syncom.workflows import language as words
from syncom.workflows import store
from syncom.workflows.calls.actions import Actions
from syncom.workflows.chains import circle_of
from syncom.workflows.graph import Graph
from syncom.workflows.language import Definition, Step, Trigger
from syncom.workflows.model import WorkflowStatus
from syncom.workflows.moments import zone_of
from syncom.workflows.steps.filling import Filler, is_template
from syncom.workflows.watches import condition_of, event_of

_CHANNELS: Final[Mapping[type[Step], Channel]] = {
    words.SendEmail: Channel.EMAIL,
    words.SendSms: Channel.SMS,
    words.SendPush: Channel.WEBPUSH,
}


class Checker:
    """Checks a definition. Every refusal names the step."""

    def __init__(
        self,
        contacts: ContactsService,
        segments: SegmentsService,
        content: ContentService,
        senders: SendersService,
        actions: Actions,
    ) -> None:
        self._contacts = contacts
        self._segments = segments
        self._content = content
        self._senders = senders
        self._actions = actions

    async def check(self, connection: Connection, account_id: int, definition: Definition) -> None:
        """In the transaction that saves it; lists that its tags name are made. Raises Invalid."""
        await self.look(connection, account_id, definition)
        tags = [step.tag for step in definition.steps if isinstance(step, words.AddToList | words.RemoveFromList)]
        await lists.ensure_named(connection, account_id, [tag for tag in tags if tag])

    async def look(self, connection: Connection, account_id: int, definition: Definition) -> None:
        """Check it and change nothing. Raises Invalid."""
        for check in self._checks(connection, account_id, definition):
            await check

    async def problems(self, connection: Connection, account_id: int, definition: Definition) -> list[FieldError]:
        """What :meth:`look` refuses, of each part and step."""
        found: list[FieldError] = []
        for check in self._checks(connection, account_id, definition):
            try:
                await check
            except Invalid as error:
                found += error.fields
        return found

    def _checks(self, connection: Connection, account_id: int, definition: Definition) -> Iterator[Awaitable[None]]:
        yield self._whole(definition)
        yield self._trigger(connection, account_id, definition.trigger, "definition.trigger")
        for place, one in enumerate(definition.rules.exits):
            if one.condition:
                yield self._condition(
                    connection, account_id, one.condition, f"definition.rules.exits.{place}.condition"
                )
        for number, step in enumerate(definition.steps):
            yield self._step(connection, account_id, step, f"definition.steps.{number}")

    async def _whole(self, definition: Definition) -> None:
        _refuse_starting_itself(definition)

    async def _trigger(self, connection: Connection, account_id: int, trigger: Trigger, at: str) -> None:
        condition = condition_of(trigger)
        if condition is not None:
            await self._condition(connection, account_id, condition, at)
        if isinstance(trigger, words.DateTrigger) and trigger.field != words.CREATED_AT:
            await self._date_field(account_id, trigger.field, f"{at}.field")
        if isinstance(trigger, words.ScheduleTrigger):
            await self._schedule(connection, account_id, trigger, at)
        if isinstance(trigger, words.SegmentTrigger):
            await self._segment(connection, account_id, trigger.segment_id, at)

    async def check_chains(
        self, connection: Connection, account_id: int, workflow_id: int, definition: Definition
    ) -> None:
        """Whether it and others that are active start each other without an end. Raises Invalid with the circle."""
        definitions = {
            one.workflow_id: one.definition
            for one in await store.page(connection, account_id, offset=0, limit=store.WORKFLOWS_LIMIT)
            if one.status is WorkflowStatus.ACTIVE
        }
        definitions[workflow_id] = definition
        circle = circle_of(definitions, workflow_id)
        if circle:
            shown = " → ".join(str(one) for one in [*circle, circle[0]])
            raise Invalid(
                "definition.steps",
                f"workflows {shown} start each other without a wait: put a wait before what starts the next,"
                " or a rule of entry",
            )

    async def _step(self, connection: Connection, account_id: int, step: Step, at: str) -> None:
        match step:
            case words.SendEmail() | words.SendSms() | words.SendPush():
                channel = await self._message(connection, account_id, step, at)
                if channel is not _CHANNELS[type(step)]:
                    raise Invalid(f"{at}.template_id", f"is a template of {channel.name.lower()} messages")
            case words.SendFirst():
                await self._send_first(connection, account_id, step, at)
            case words.Condition():
                await self._condition(connection, account_id, step.condition, f"{at}.condition")
            case words.Goal():
                if step.condition:
                    await self._condition(connection, account_id, step.condition, f"{at}.condition")
            case words.Switch():
                for place, case in enumerate(step.cases):
                    await self._condition(connection, account_id, case.condition, f"{at}.cases.{place}.condition")
            case words.UpdateContact():
                await self._values(account_id, step, at)
            case words.AddToList() | words.RemoveFromList():
                await self._list(connection, account_id, step, at)
            case words.WaitUntil():
                if step.field:
                    await self._date_field(account_id, step.field, f"{at}.field")
            case words.GenerateEvent():
                Filler(step.params).check(f"{at}.params")
            case words.Webhook():
                _check_webhook(step, at)
            case words.Action():
                Filler(step.input).check(f"{at}.input")
                await self._actions.check(account_id, step, at)
            case words.Jump():
                await self._workflow(connection, account_id, step.workflow_id, f"{at}.workflow_id")
            case _:
                pass

    async def _schedule(self, connection: Connection, account_id: int, trigger: words.ScheduleTrigger, at: str) -> None:
        try:
            zone_of(trigger)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Invalid(f"{at}.time_zone", "is not a time zone such as Europe/Kyiv") from None
        await self._segment(connection, account_id, trigger.segment_id, at)

    async def _segment(self, connection: Connection, account_id: int, segment_id: int, at: str) -> None:
        try:
            await self._condition(connection, account_id, {"segment": segment_id}, at)
        except Invalid as error:
            raise Invalid(f"{at}.segment_id", error.fields[0].reason) from None

    async def _condition(self, connection: Connection, account_id: int, condition: object, at: str) -> None:
        await self._segments.check(connection, account_id, condition, at=at)

    async def _message(
        self, connection: Connection, account_id: int, message: words.Send | words.Message, at: str
    ) -> Channel:
        """What a step sends: the channel of its template. Raises Invalid naming the place."""
        assert not isinstance(message, words.SendFirst), "it has several"
        try:
            template = await self._content.sendable(connection, account_id, message.template_id)
        except NotFound as error:
            raise Invalid(f"{at}.template_id", error.message) from None
        if message.sender_id is not None:
            try:
                sender = await self._senders.require(connection, account_id, message.sender_id)
            except NotFound as error:
                raise Invalid(f"{at}.sender_id", error.message) from None
            if sender.channel is not template.channel.consent:
                raise Invalid(f"{at}.sender_id", f"is a sender of {sender.channel.name.lower()}")
        return template.channel

    async def _send_first(self, connection: Connection, account_id: int, step: words.SendFirst, at: str) -> None:
        before: set[Channel] = set()
        for place, message in enumerate(step.channels):
            here = f"{at}.channels.{place}"
            channel = await self._message(connection, account_id, message, here)
            if channel not in ROUTES:
                name = channel.name.lower()
                raise Invalid(f"{here}.template_id", f"is of {name}, which cannot be sent on its own")
            if channel.consent in before:
                name = channel.name.lower()
                raise Invalid(f"{here}.template_id", f"is of {name}, which reaches those whom one before it reaches")
            before.add(channel.consent)

    async def senderless(self, account_id: int, definition: Definition) -> set[Channel]:
        """Channels of steps that leave the sender to the templates and the account."""
        found = {_CHANNELS[type(step)] for step in definition.steps if type(step) in _CHANNELS and not _named(step)}
        for step in definition.steps:
            if isinstance(step, words.SendFirst):
                for message in step.channels:
                    if message.sender_id is None:
                        found.add((await self._content.get(account_id, message.template_id)).channel)
        return found

    async def _values(self, account_id: int, step: words.UpdateContact, at: str) -> None:
        fields = await self._contacts.fields.by_key(account_id, wanted=set(step.fields))
        try:
            common_values(fields, step.set, step.fields)
        except Invalid as error:
            wrong = error.fields[0]
            place = wrong.field if wrong.field.startswith("fields.") else f"set.{wrong.field}"
            raise Invalid(f"{at}.{place}", wrong.reason) from None

    async def _list(
        self, connection: Connection, account_id: int, step: words.AddToList | words.RemoveFromList, at: str
    ) -> None:
        try:
            if step.list_id is not None:
                await lists.require_list(connection, account_id, step.list_id)
            else:
                lists.checked_name(step.tag)
        except NotFound as error:
            raise Invalid(f"{at}.list_id", error.message) from None
        except Invalid as error:
            raise Invalid(f"{at}.tag", error.fields[0].reason) from None

    async def _date_field(self, account_id: int, key: str, at: str) -> None:
        field = (await self._contacts.fields.by_key(account_id, wanted={key})).get(key)
        if field is None:
            raise Invalid(at, f"there is no field '{key}'")
        if field.type not in (FieldType.DATE, FieldType.DATETIME):
            raise Invalid(at, f"'{key}' is no field of dates")

    async def _workflow(self, connection: Connection, account_id: int, workflow_id: int, at: str) -> None:
        try:
            await store.get(connection, account_id, workflow_id)
        except NotFound as error:
            raise Invalid(at, error.message) from None


HEADERS_LIMIT: Final = 20
#: Headers that the request makes itself.
_RESERVED: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})
#: Up to the end of the host; what is behind it may be filled in.
_ORIGIN: Final = re.compile(r"[^{}/]*//[^{}/?#]+[/?#]")


def _named(step: Step) -> bool:
    """Whether a step names its sender."""
    return getattr(step, "sender_id", None) is not None


def _check_webhook(step: words.Webhook, at: str) -> None:
    """Raises Invalid."""
    url = step.url
    Filler(url).check(f"{at}.url")
    if is_template(url):
        origin = _ORIGIN.match(url)
        if origin is None:
            raise Invalid(
                f"{at}.url", "must begin with its host, such as https://crm.example/: only what is behind is filled in"
            )
        url = origin[0]
    checked = check_url(f"{at}.url", url)
    if checked.user is not None or checked.password is not None:
        raise Invalid(f"{at}.url", "must not hold a log-in: give a header")
    if len(step.headers) > HEADERS_LIMIT:
        raise Invalid(f"{at}.headers", f"must be at most {HEADERS_LIMIT}")
    for name, value in step.headers.items():
        check_header(f"{at}.headers", name, None if is_template(value) else value, reserved=_RESERVED)
    Filler(step.headers).check(f"{at}.headers")
    Filler(step.body).check(f"{at}.body")


def _refuse_starting_itself(definition: Definition) -> None:
    """An event that lets in who records it, at once and again and again. Raises Invalid."""
    trigger = definition.trigger
    if definition.rules.entry.again != "always" or getattr(trigger, "where", {}):
        return
    for number in Graph(definition).hurried:
        step = definition.steps[number]
        if isinstance(step, words.GenerateEvent) and step.event_type == event_of(trigger):
            place = f"definition.steps.{number}.event_type"
            raise Invalid(place, "starts this workflow again, without a wait: put a wait before it, or a rule of entry")


def uses(definition: Definition, kind: str, key: int | str) -> bool:
    """Whether a definition uses this: ``("segment", 7)``, ``("field", "points")``, ``("list", 3)``."""
    parts = (definition.trigger, *definition.rules.exits, *definition.steps)
    return any(_uses(part, kind, key) for part in parts)


def _uses(part: object, kind: str, key: int | str) -> bool:
    if getattr(part, f"{kind}_id", None) == key:
        return True
    if kind == "field" and (getattr(part, "field", None) == key or key in getattr(part, "fields", {})):
        return True
    conditions = [getattr(part, "condition", {}), *(case.condition for case in getattr(part, "cases", ()))]
    return any(has_leaf(condition, kind, key) for condition in conditions if condition)
