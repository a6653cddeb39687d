"""Which function does which step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from syncom.workflows import language
from syncom.workflows.language import Step
from syncom.workflows.passing import Place
from syncom.workflows.steps import branches, calls, contacts, ends, happenings, rests, sends
from syncom.workflows.steps.tools import Tools

Doing = Callable[[Place, Any, Tools], Awaitable[None]]

_DOING: Final[Mapping[type[Step], Doing]] = {
    language.SendEmail: sends.send,
    language.SendSms: sends.send,
    language.SendPush: sends.send,
    language.SendFirst: sends.send,
    language.Wait: rests.wait,
    language.WaitUntil: rests.wait_until,
    language.WaitFor: rests.wait_for,
    language.Condition: branches.condition,
    language.Switch: branches.switch,
    language.Split: branches.split,
    language.Goal: branches.goal,
    language.UpdateContact: contacts.update_contact,
    language.AddToList: contacts.add_to_list,
    language.RemoveFromList: contacts.remove_from_list,
    language.GenerateEvent: happenings.generate_event,
    language.Webhook: calls.webhook,
    language.Action: calls.action,
    language.Stop: ends.stop,
    language.Jump: ends.jump,
}


async def do(place: Place, tools: Tools) -> None:
    """Do the step at which those of a place stand, for all of them."""
    doing = cast("Doing", _DOING[type(place.step)])
    await doing(place, place.step, tools)
