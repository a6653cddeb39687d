"""Who is asking: the address and the agent of a request, in a form that may be stored."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from syncom.errors import Invalid

_LONGEST_AGENT = 512
_LONGEST_FORWARDED = 2000
#: Control characters; PostgreSQL refuses NUL, and pages and terminals want none of the others.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """The reverse proxies whose `X-Forwarded-For` is believed: addresses and networks, separated by commas.

    Raises Invalid for anything else.
    """

    def __init__(self, setting: str = "") -> None:
        self._networks: list[IPv4Network | IPv6Network] = []
        for part in filter(None, (part.strip() for part in setting.split(","))):
            try:
                self._networks.append(ip_network(part, strict=False))
            except ValueError:
                raise Invalid("SYNCOM_TRUSTED_PROXIES", f"{part!r} is not an IP address or network") from None
        self.client = lru_cache(maxsize=4096)(self._client)

    def _client(self, peer: str, forwarded: str) -> str:
        """The client's address: of the connection, or the right-most forwarded one that is not a proxy of
        ours.

        Each proxy appends the address it saw, so only what stands right of the first stranger is ours; the
        rest is whatever the client wrote.
        """
        address = _parsed(peer)
        if address is None or not forwarded or not self._is_ours(address):
            return peer
        for part in reversed(forwarded[-_LONGEST_FORWARDED:].split(",")):
            hop = _parsed(part.strip())
            if hop is None:
                break
            address = hop
            if not self._is_ours(hop):
                break
        return str(address)

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _parsed(text: str) -> Address | None:
    text = text.partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # IPv4 with a port
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=8192)
def clean_agent(header: bytes) -> str:
    """A User-Agent header as it is stored and classified: one line of bounded length."""
    text = header[: _LONGEST_AGENT * 4].decode("utf-8", "replace")
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_AGENT]
