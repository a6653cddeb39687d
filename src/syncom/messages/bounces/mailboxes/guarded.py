"""Connections to mail servers that somebody names, behind the same guard as all requests to the outside."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import ip_address

from syncom.errors import Invalid
from syncom.outbound import Network, may_reach


def connect(host: str, port: int, seconds: float, allowed: Sequence[Network]) -> socket.socket:
    """A connection to an address that may be reached, checked where it is made. Blocks.

    Raises OSError, Invalid for a host in a private network.
    """
    refused = ""
    error: OSError | None = None
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = str(place[0]).partition("%")[0]
        if not may_reach(ip_address(address), allowed):
            refused = address
            continue
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(seconds)
            made.connect(place)
        except OSError as trouble:
            made.close()
            error = trouble
        else:
            return made
    if error is None and refused:
        raise Invalid(
            "host", f"leads into a private network ({refused}); an operator may allow it with SYNCOM_OUTBOUND_ALLOW"
        )
    raise error or OSError(f"{host} has no address")
