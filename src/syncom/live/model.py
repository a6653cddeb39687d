"""Values of live updates: that something changed, never what it is now."""

from __future__ import annotations

from enum import Enum

import msgspec


class Kind(Enum):
    """What can change. Each has a statement of the same name in ``live.sql``."""

    # Every change is looked up by it; hashing the name of a member costs ten times more.
    __hash__ = object.__hash__

    ACCOUNT = "account"
    CAMPAIGN = "campaign"
    WORKFLOW = "workflow"
    SEGMENT = "segment"
    TEMPLATE = "template"
    FORM = "form"
    SENDER = "sender"
    #: A file of contacts that is being read.
    CONTACT_IMPORT = "contact-import"
    PRODUCT_FEED = "product-feed"
    #: A pull out of a connected app.
    PULL = "pull"
    CONNECTION = "connection"
    #: The dev inbox, which belongs to the installation: as a whole, without an id.
    INBOX = "inbox"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Something was made, changed or removed. Ask for it to see which."""

    kind: Kind
    #: As in the paths of the API; None for what is there once.
    id: str | None
