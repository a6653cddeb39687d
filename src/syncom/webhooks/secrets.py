"""What a webhook's requests carry that nobody may read: the password and the values of its headers, sealed."""

from __future__ import annotations

from base64 import b64encode

import msgspec

from syncom.security import Keyring


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """As they are sealed."""

    password: str = ""
    headers: dict[str, str] = {}


def seal(keyring: Keyring, webhook_id: int, secrets: Secrets) -> bytes | None:
    """None when there is nothing to hide."""
    if secrets == Secrets():
        return None
    return keyring.seal(msgspec.json.encode(secrets), purpose="webhook", owner=f"webhook:{webhook_id}")


def unseal(keyring: Keyring, webhook_id: int, sealed: bytes | None) -> Secrets:
    """Raises Conflict when the key is another one."""
    if sealed is None:
        return Secrets()
    text = keyring.unseal(sealed, purpose="webhook", owner=f"webhook:{webhook_id}")
    return msgspec.json.decode(text, type=Secrets)


def request_headers(username: str, secrets: Secrets) -> dict[str, str]:
    """The headers of one request."""
    headers = dict(secrets.headers)
    if username or secrets.password:
        headers["Authorization"] = "Basic " + b64encode(f"{username}:{secrets.password}".encode()).decode()
    return headers
