"""JSON Web Tokens: read with distrust, verified with a key that the server chose, never with one the token names.

Nothing in a token's header decides how it is verified, but for the algorithm, which must be one of a fixed list for the
kind of key at hand: a text that is a public key somewhere is never taken for an HMAC secret (RFC 8725, 2.1, 3.1).
"""

from __future__ import annotations

import contextlib
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact, serialize_compact

from syncom.errors import Invalid, Unauthorized

#: Longer tokens are refused unread.
MAX_TOKEN: Final = 16 * 1024
SECRET_ALGORITHMS: Final = ("HS256", "HS384", "HS512")
KEY_ALGORITHMS: Final = (
    "ES256",
    "ES384",
    "ES512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "EdDSA",
    "Ed25519",
)
#: Seconds by which the clock of whoever made a token may be ahead of ours. A token past its time gets none.
LEEWAY: Final = 60
_LEAST_SECRET: Final = 16
_MAX_KEYS: Final = 50
_LEAST_RSA: Final = 2048
#: Seconds since 1970; later than anybody means.
_LAST: Final = 10**12
_NUMBERS: Final = ("exp", "nbf", "iat")


class _Registry(JWSRegistry):
    """What the library may be given: no more than a token of ours, no header that changes how it is read."""

    max_header_length = 4096
    max_payload_length = MAX_TOKEN
    max_signature_length = 2048


class Unverified:
    """A token's header and claims before anything about them is known to be true."""

    __slots__ = ("algorithm", "claims", "key_id", "type")

    def __init__(self, token: str) -> None:
        """Raises Unauthorized for anything but a signed token in compact form."""
        if len(token) > MAX_TOKEN:
            raise Unauthorized("the token is too long")
        parts = token.split(".")
        if len(parts) != 3 or not all(parts):
            raise Unauthorized("the token is not valid")
        header, self.claims = _object(parts[0]), _object(parts[1])
        if "crit" in header or "b64" in header:
            raise Unauthorized("the token asks for extensions that are not known here")
        algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
        if not isinstance(algorithm, str):
            raise Unauthorized("the token is not valid")
        self.algorithm = algorithm
        self.key_id = key_id if isinstance(key_id, str) else None
        self.type = kind.lower() if isinstance(kind, str) else ""

    def text(self, *names: str) -> str | None:
        """The first of these claims that is there. Raises Unauthorized when it is no text of a sensible length."""
        for name in names:
            value = self.claims.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or not value or len(value) > 500:
                raise Unauthorized(f"the token's claim {name} is not a text")
            return value
        return None


def sign(claims: dict[str, Any], key: bytes, *, kind: str) -> str:
    """A token signed with HS256."""
    header = {"alg": "HS256", "typ": kind}
    payload = msgspec.json.encode(claims)
    return serialize_compact(header, payload, OctKey.import_key(key), registry=_registry(("HS256",)))


def verify_secret(token: str, algorithm: str, secret: bytes, *, algorithms: Sequence[str] = SECRET_ALGORITHMS) -> None:
    """Raises Unauthorized unless it was signed with this secret."""
    if algorithm not in algorithms:
        raise Unauthorized(f"the token's algorithm must be one of {', '.join(algorithms)} with this key")
    if len(secret) < _LEAST_SECRET:
        # An empty HMAC key accepts what anybody signs.
        raise Unauthorized("the token is not valid")
    _verify(token, algorithm, OctKey.import_key(secret))


def verify_keys(token: str, algorithm: str, keys: Iterable[Key], *, key_id: str | None) -> None:
    """Raises Unauthorized unless it was signed with one of these public keys."""
    if algorithm not in KEY_ALGORITHMS:
        raise Unauthorized("the token's algorithm is not taken")
    fitting = [key for key in keys if _fits(key, algorithm)]
    named = [key for key in fitting if key_id is not None and key.kid == key_id]
    for key in named or fitting:
        try:
            _verify(token, algorithm, key)
        except Unauthorized:
            continue
        return
    raise Unauthorized("the token is not signed with a key of its workspace")


def check_times(claims: dict[str, Any], now: datetime) -> float:
    """Seconds it is still good for. Raises Unauthorized for one without an end, past it, or from the future."""
    for name in _NUMBERS:
        value = claims.get(name)
        if value is None:
            continue
        # Also infinity, which JSON of some makers has, and numbers that no float holds.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LAST < value < _LAST:
            raise Unauthorized(f"the token's claim {name} is not a number")
    present = now.timestamp()
    if claims.get("exp") is None:
        raise Unauthorized("the token has no end: set the claim exp")
    if claims["exp"] <= present:
        raise Unauthorized("the token has expired")
    for name in ("nbf", "iat"):
        if claims.get(name) is not None and claims[name] > present + LEEWAY:
            raise Unauthorized(f"the token is not valid yet ({name} lies in the future)")
    return float(claims["exp"]) - present


def read_public_key(text: str, *, field: str = "publicKey") -> Key:
    """A public key in PEM or as a JWK. Raises Invalid, for secrets and private keys too."""
    text = text.strip()
    try:
        if text.startswith("{"):
            return _public(msgspec.json.decode(text, type=dict[str, Any]), field)
        if "PRIVATE" in text:
            raise Invalid(field, "is a private key: keep it, and give the public one")
        if not text.startswith("-----BEGIN "):
            raise Invalid(field, "must be a public key in PEM, or a JWK")
        return _checked(_from_pem(text), field)
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Invalid(field, "is not a public key that can be read (EC, RSA or Ed25519)") from error


class _KeySet(msgspec.Struct, frozen=True):
    """A JWK set (RFC 7517, 5)."""

    keys: list[dict[str, Any]]


def read_key_set(body: bytes) -> list[Key]:
    """The usable keys of a JWK set; others in it are left out. Raises Invalid when it is none."""
    try:
        document = msgspec.json.decode(body, type=_KeySet)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Invalid("jwksUri", "does not lead to a JWK set") from None
    keys: list[Key] = []
    for given in document.keys[:_MAX_KEYS]:
        with contextlib.suppress(Invalid, JoseError, ValueError, TypeError, KeyError):
            keys.append(_public(given, "jwksUri"))
    return keys


def _object(part: str) -> dict[str, Any]:
    try:
        text = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unauthorized("the token is not valid") from None


def _registry(algorithms: Sequence[str]) -> JWSRegistry:
    return _Registry(algorithms=list(algorithms), strict_check_header=False)


def _verify(token: str, algorithm: str, key: Key) -> None:
    try:
        deserialize_compact(token, key, registry=_registry((algorithm,)))
    except (JoseError, ValueError, TypeError):
        raise Unauthorized("the token is not valid") from None


def _fits(key: Key, algorithm: str) -> bool:
    if algorithm.startswith("ES"):
        return isinstance(key, ECKey)
    if algorithm.startswith(("RS", "PS")):
        return isinstance(key, RSAKey)
    return isinstance(key, OKPKey)


def _from_pem(text: str) -> Key:
    for kind in (ECKey, RSAKey, OKPKey):
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
    raise ValueError("no kind of key")


def _public(given: dict[str, Any], field: str) -> Key:
    if given.get("kty") not in ("EC", "RSA", "OKP") or given.get("use") == "enc":
        raise Invalid(field, "is not a public key for signatures")
    if "d" in given:
        raise Invalid(field, "is a private key: keep it, and give the public one")
    return _checked(JWKRegistry.import_key(given), field)


def _checked(key: Key, field: str) -> Key:
    if key.is_private:
        raise Invalid(field, "is a private key: keep it, and give the public one")
    if isinstance(key, RSAKey) and key.raw_value.key_size < _LEAST_RSA:
        raise Invalid(field, f"is an RSA key of less than {_LEAST_RSA} bits")
    return key
