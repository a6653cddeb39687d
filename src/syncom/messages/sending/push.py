"""Turns a recipient into a notification for its browsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from syncom.contacts.subscriptions import SubscriptionRef
from syncom.content.model import CompiledContent, Notification, RenderedNotification
from syncom.content.render import NotificationRenderer
from syncom.errors import Invalid
from syncom.messages.channels.push.encryption import LONGEST_PAYLOAD
from syncom.messages.channels.push.model import PushParcel
from syncom.messages.sending.merge_fields import readers
from syncom.messages.sending.short_link import short_link
from syncom.messages.sending.work import Work
from syncom.tokens import MessageTokens

#: Seconds for which a push service keeps a notification whose author did not say: news of yesterday are none.
_USUAL_TTL: Final = 86_400


class PushComposer:
    """Makes the notifications of one content."""

    def __init__(
        self,
        *,
        compiled: CompiledContent,
        content_id: int,
        custom_fields: Mapping[str, int],
        base_url: str,
        tokens: MessageTokens,
    ) -> None:
        self._content_id = content_id
        self._renderer = NotificationRenderer(compiled, base_url=base_url, tokens=tokens)
        self._readers = readers(compiled.fields, custom_fields)
        self._shown = compiled.notification or Notification()
        self._has_links = bool(compiled.links)
        self._tokens = tokens
        self._told_at = f"{base_url.rstrip('/')}/t/n/"

    def compose(self, work: Work, /) -> PushParcel:
        """The notification of one contact. Raises Invalid (RenderError) naming the field, also for what is too long."""
        fields = {name: read(work) for name, read in self._readers}
        rendered = self._renderer.render(
            work.account_id, self._content_id, work.contact_id, work.message_id, fields, work.params, work.products
        )
        token = self._tokens.notification(work.account_id, self._content_id, work.contact_id, work.message_id)
        return PushParcel(
            key=work,
            message_id=work.message_id,
            browsers=tuple(
                SubscriptionRef(account_id=work.account_id, contact_id=work.contact_id, endpoint=endpoint)
                for endpoint in work.endpoints or (work.address,)
            ),
            payload=_payload(rendered, self._shown, self._told_at + token),
            ttl=self._shown.ttl_seconds or _USUAL_TTL,
            urgency=self._shown.urgency,
            topic=self._shown.topic,
            link=short_link(self._tokens, work, self._content_id, rendered.targets) if self._has_links else None,
        )


def _payload(rendered: RenderedNotification, shown: Notification, told_at: str) -> bytes:
    """What the service worker gets (``sites/push_worker.js``). Raises Invalid naming what makes it too long.

    ``told_at``: where it tells what became of the notification.
    """
    members: dict[str, Any] = {
        "title": rendered.title,
        "body": rendered.text,
        "icon": shown.icon,
        "image": shown.image,
        "url": rendered.link,
        "actions": [
            {"action": str(place), "title": title, "url": link}
            for place, (title, link) in enumerate(rendered.actions, start=1)
        ],
        "tag": shown.topic,
        "requireInteraction": shown.require_interaction,
    }
    payload = msgspec.json.encode({name: value for name, value in members.items() if value} | {"told": told_at})
    if len(payload) > LONGEST_PAYLOAD:
        longest = max(members, key=lambda name: len(msgspec.json.encode(members[name])))
        named = {"body": "text", "url": "link"}.get(longest, longest)
        reason = f"the notification has {len(payload):,} bytes, {LONGEST_PAYLOAD:,} are taken: make this shorter"
        raise Invalid(named, reason)
    return payload
