"""Limits on how often: token buckets in memory, for each login name, address or key."""

from __future__ import annotations

import math
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec

from syncom.clock import Clock
from syncom.errors import RateLimited


class _Bucket(msgspec.Struct):
    tokens: float
    at: float


class Attempts:
    """At most ``burst`` attempts at once for a key, and one more every ``seconds`` after that.

    Memory stays bounded: full buckets are forgotten when there are more than ``max_keys``, and when all of them
    are in use the oldest goes.
    """

    def __init__(self, clock: Clock, *, burst: int, seconds: float, max_keys: int = 50_000) -> None:
        self._clock = clock
        self._burst = burst
        self._seconds = seconds
        self._max_keys = max_keys
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> None:
        """Use one attempt. Raises RateLimited with the seconds until the next one."""
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[key] = _Bucket(tokens=float(self._burst), at=now)
        bucket.tokens = self._refilled(bucket, now)
        bucket.at = now
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) * self._seconds)
            raise RateLimited(f"too many attempts; try again in {wait} seconds", float(wait))
        bucket.tokens -= 1

    def forgive(self, key: str) -> None:
        """Forget the attempts of a key: it was the right person."""
        self._buckets.pop(key, None)

    def _refilled(self, bucket: _Bucket, now: float) -> float:
        return min(float(self._burst), bucket.tokens + (now - bucket.at) / self._seconds)

    def _make_room(self, now: float) -> None:
        if len(self._buckets) < self._max_keys:
            return
        full = [key for key, bucket in self._buckets.items() if self._refilled(bucket, now) >= self._burst]
        for key in full or [next(iter(self._buckets))]:
            del self._buckets[key]


def household(ip: str) -> str:
    """Whom a limit is about: an address, of IPv6 its network of 64 bits, all of which one visitor has (RFC 6177).

    An IPv4 address that a server of both kinds tells as IPv6 (``::ffff:192.0.2.1``) is the IPv4 address: their one
    network would be everybody's.
    """
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))
