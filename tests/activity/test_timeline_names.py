"""What the timeline of a contact says to people and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from syncom.activity.timeline import named
from syncom.contacts.model import TimelineEntry, TimelineKind


@pytest.mark.parametrize(
    ("kind", "stored", "told"),
    [
        (TimelineKind.CONSENT, {"channel": 2, "state": 3, "source": "api"},
         {"channel": "sms", "state": "unsubscribed", "source": "api"}),
        (TimelineKind.MESSAGE, {"campaign_id": 1, "channel": 1, "state": 1},
         {"campaign_id": 1, "channel": "email", "state": "sent"}),
        (TimelineKind.MESSAGE, {"channel": 5, "state": 5}, {"channel": "viber", "state": "uncertain"}),
        (TimelineKind.ACTIVITY, {"kind": 4, "class": 1, "channel": 1, "link": 3},
         {"kind": "clicked", "class": "machine", "channel": "email", "link": 3}),
        (TimelineKind.ORDER, {"status": "DELIVERED", "total": "1"}, {"status": "DELIVERED", "total": "1"}),
        (TimelineKind.EVENT, {"params": {"state": 1, "channel": 2}}, {"params": {"state": 1, "channel": 2}}),
        (TimelineKind.CREATED, {}, {}),
    ],
)  # fmt: skip
def test_stored_numbers_are_told_by_their_names(
    kind: TimelineKind, stored: dict[str, Any], told: dict[str, Any]
) -> None:
    entry = TimelineEntry(kind=kind, occurred_at=datetime(2026, 1, 1, tzinfo=UTC), detail=stored)
    assert [one.detail for one in named([entry])] == [told]
