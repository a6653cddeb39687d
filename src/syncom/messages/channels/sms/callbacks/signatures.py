"""Whether a request is the provider's own. All comparisons take the same time whatever differs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from syncom.messages.channels.sms.callbacks.posted import Posted
from syncom.messages.channels.sms.form import CallbackForm
from syncom.messages.channels.sms.providers import SignatureMethod

#: Providers repeat what was not taken for a day.
_OLDEST: Final = timedelta(hours=25)
#: Their clocks may be ahead.
_AHEAD: Final = timedelta(minutes=5)
_PORTS: Final = {"https": 443, "http": 80}


def is_of_twilio(posted: Posted, token: str, shared_key: str) -> bool:
    """Whether Twilio signed it: HMAC over the address and the sorted fields of the body, in base64.

    SHA-1 under the auth token, or SHA-256 under the shared key of a webhook rule.
    https://www.twilio.com/docs/usage/webhooks/webhooks-security
    """
    key, digest = token, hashlib.sha1
    settings = posted.headers.get("x-twilio-webhooks-signature-settings", "")
    if settings:
        if "algorithm=hmac_sha256" not in settings.replace(" ", "").lower():
            return False
        key, digest = shared_key, hashlib.sha256
    given = posted.headers.get("x-twilio-signature", "")
    if not key or not given:
        return False
    # Of a name that comes several times each different value counts once.
    fields = "".join(f"{name}{value}" for name, value in sorted(set(posted.form)))
    expected = [_hmac(key, url + fields, digest) for url in _with_and_without_port(posted.url)]
    return any(hmac.compare_digest(given.encode(), one) for one in expected)


def _hmac(key: str, text: str, digest: Any) -> bytes:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), digest).digest())


def _with_and_without_port(url: str) -> list[str]:
    """Providers sign the address with the default port or without it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = _PORTS.get(parts.scheme)
    if parts.port not in (None, port):
        return [url]
    return [urlunsplit(parts._replace(netloc=netloc)) for netloc in (host, f"{host}:{port}")]


def is_of_vonage(posted: Posted, secret: str, method: SignatureMethod, api_key: str, now: datetime) -> bool:
    """Whether Vonage signed it: the parameter ``sig`` of the SMS API, or a JSON Web Token of the Messages API.

    https://developer.vonage.com/en/getting-started/concepts/signing-messages
    https://developer.vonage.com/en/messages/concepts/signed-webhooks
    """
    if not secret:
        return False
    scheme, _, token = posted.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _is_token_of_vonage(posted, token.strip(), secret, api_key, now)
    fields = posted.fields
    if not isinstance(fields, dict):
        return False
    params = {str(name): _text(value) for name, value in cast("dict[object, object]", fields).items()}
    given = params.pop("sig", "").lower()
    if not given or not _is_recent(params.get("timestamp", ""), now):
        return False
    return hmac.compare_digest(given.encode(), vonage_signature(params, secret, method).encode())


def vonage_signature(params: Mapping[str, str], secret: str, method: SignatureMethod) -> str:
    """The signature of these parameters in lower-case hexadecimal. ``&`` and ``=`` in values become ``_``."""
    text = "".join(f"&{name}={params[name].replace('&', '_').replace('=', '_')}" for name in sorted(params))
    if method is SignatureMethod.MD5_HASH:
        return hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()
    return hmac.new(secret.encode(), text.encode(), method.value).hexdigest()


def _is_token_of_vonage(posted: Posted, token: str, secret: str, api_key: str, now: datetime) -> bool:
    try:
        claims = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims
    except (JoseError, ValueError, TypeError):
        return False
    if claims.get("api_key") != api_key or not _is_recent(str(claims.get("iat", "")), now):
        return False
    told = claims.get("payload_hash")
    if not posted.body:
        return True
    return isinstance(told, str) and hmac.compare_digest(
        told.lower().encode(), hashlib.sha256(posted.body).hexdigest().encode()
    )


def _is_recent(seconds: str, now: datetime) -> bool:
    """Whether a moment in seconds of Unix is close enough to now."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return False
    age = now.timestamp() - int(seconds)
    return -_AHEAD.total_seconds() <= age <= _OLDEST.total_seconds()


def is_of_gateway(posted: Posted, form: CallbackForm, secret: str) -> bool:
    """Whether a gateway described by a form knows the secret: it sends it, or signs the body with it."""
    if not secret:
        return False
    if form.signature_header:
        given = posted.headers.get(form.signature_header.lower(), "").strip()
        given = given.removeprefix("sha256=")
        mac = hmac.new(secret.encode(), posted.body, hashlib.sha256)
        # Which of the two spellings it has is no secret.
        expected = mac.hexdigest() if len(given) == 64 else base64.b64encode(mac.digest()).decode()
        return bool(posted.body) and hmac.compare_digest(given.encode(), expected.encode())
    given = posted.headers.get(form.secret_header.lower(), "").strip()
    if form.secret_header.lower() == "authorization":
        given = given.partition(" ")[2].strip() or given
    return hmac.compare_digest(given.encode(), secret.encode())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "" if value is None else str(value)
