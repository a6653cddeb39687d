"""What steps work with."""

from __future__ import annotations

from dataclasses import dataclass

from syncom.contacts.service import ContactsService
from syncom.events.service import EventsService
from syncom.messages.planned import PlannedSends


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The rooms whose work steps do."""

    contacts: ContactsService
    events: EventsService
    sends: PlannedSends
