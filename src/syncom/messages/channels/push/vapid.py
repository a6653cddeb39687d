"""Says to a push service whose message it is (VAPID, RFC 8292), by a token that is signed once in half a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from joserfc import jwt
from joserfc.jwk import ECKey

from syncom.clock import Clock
from syncom.sites.push_keys import KeyPair

#: Services refuse tokens that are good for more than a day, and some clocks are wrong.
_LIFE: Final = timedelta(hours=12)
#: A token is not shown any more when less is left of it.
_REST: Final = timedelta(hours=1)
#: Origins whose tokens are kept. There are a few push services, but anybody may subscribe with any address.
_MAX_KEPT: Final = 200


class Vapid:
    """Signs for one account."""

    def __init__(self, pair: KeyPair, contact: str, clock: Clock) -> None:
        """``contact``: whom push services may write to about these messages, as ``mailto:…`` or ``https://…``."""
        private = load_der_private_key(pair.private, password=None)
        self._key = ECKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._public = pair.public
        self._contact = contact
        self._clock = clock
        #: Header and the end of its token, by origin.
        self._kept: dict[str, tuple[str, datetime]] = {}

    def header(self, origin: str) -> str:
        """The value of Authorization for a push service."""
        now = self._clock.now()
        header, end = self._kept.get(origin, ("", now))
        if end - now < _REST:
            end = now + _LIFE
            claims = {"aud": origin, "exp": int(end.timestamp()), "sub": self._contact}
            token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._key, algorithms=["ES256"])
            header = f"vapid t={token}, k={self._public}"
            while len(self._kept) >= _MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[origin] = header, end
        return header


def contact_of(address: str, base_url: str, operator: str) -> str:
    """Whom push services may write to: the sender's own address, else the installation's site, else its operator."""
    if address:
        return f"mailto:{address}"
    return base_url if base_url.startswith("https://") else f"mailto:{operator}"
