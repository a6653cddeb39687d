"""A browser that subscribed to web push, as a push service and its user see it: it decrypts what it gets."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import http_ece
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from syncom.contacts.model import Channel, ContactInput, ContactSave, FurtherChannel, Recognition, SaveOptions
from syncom.contacts.service import ContactsService
from syncom.contacts.subscriptions import SubscriptionKeys
from tests.messages.sms.gateway_peer import Asked, GatewayPeer, Reply


class Browser:
    """One subscription at a push service."""

    def __init__(self, service: GatewayPeer, name: str) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)
        self._service = service
        self._path = f"/push/{name}"
        self.endpoint = service.url + self._path

    @property
    def keys(self) -> SubscriptionKeys:
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return SubscriptionKeys(p256dh=_text(point), auth=_text(self._secret))

    @property
    def got(self) -> list[Asked]:
        """Requests for this browser that the service took."""
        return [asked for asked in self._service.accepted if asked.path == self._path]

    @property
    def asked(self) -> list[Asked]:
        return [asked for asked in self._service.asked if asked.path == self._path]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What its service worker got to show, decrypted."""
        return [{name: value for name, value in message.items() if name != "told"} for message in self._messages]

    @property
    def told(self) -> list[str]:
        """Where its service worker tells what became of each."""
        return [message["told"] for message in self._messages]

    @property
    def _messages(self) -> list[dict[str, Any]]:
        return [self.decrypted(asked.body) for asked in self.got]

    def decrypted(self, body: bytes) -> Any:
        plain: Any = http_ece.decrypt(body, private_key=self._private, auth_secret=self._secret)
        return msgspec.json.decode(plain)

    async def subscribe(
        self, contacts: ContactsService, account_id: int, contact_id: int, *, active: bool = True
    ) -> None:
        """It becomes this contact's."""
        keys = self.keys
        data = {"keys": {"p256dh": keys.p256dh, "auth": keys.auth}, "domain": "https://shop.example"}
        channel = FurtherChannel(channel=Channel.WEBPUSH, value=self.endpoint, data=data, active=active)
        save = ContactSave(contact=ContactInput(), contact_id=contact_id, channels=(channel,))
        options = SaveOptions(recognition=Recognition.CONTACT_ID, channel=Channel.WEBPUSH)
        await contacts.save_one(account_id, save, options)


def took(asked: Asked, number: int) -> Reply:
    """What a push service says that takes everything."""
    return Reply(status=201, body=b"")


def vapid_claims(asked: Asked, public_key: str) -> dict[str, Any]:
    """What the token of a request says, its signature checked against the key that pages subscribe with."""
    scheme, _, rest = asked.headers["authorization"].partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert scheme == "vapid"
    assert parts["k"] == public_key
    point = urlsafe_b64decode(public_key + "=")
    assert len(point) == 65
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": _text(point[1:33]), "y": _text(point[33:])})
    token = jwt.decode(parts["t"], key, algorithms=["ES256"])
    assert token.header["alg"] == "ES256"
    return dict(token.claims)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
