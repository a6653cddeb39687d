"""Whether a host has a certificate that browsers believe, so that links may begin with https."""

from __future__ import annotations

from typing import Final

import aiohttp

from syncom.errors import Invalid
from syncom.messages.identity.checking.dns import NoAnswer
from syncom.outbound import OutboundClient, Unreachable

_PATIENCE: Final = 10.0


class Certificates:
    """Looks at hosts as a visitor would, behind the guard against private networks."""

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    async def fault(self, host: str) -> str:
        """What is wrong with the certificate, for people; empty: nothing.

        Raises NoAnswer when nobody answers there, or this server may not ask: then nothing is known.
        """
        try:
            # Any answer will do: what counts is that there is one, by https.
            async with self._outbound.stream("GET", f"https://{host}/healthz", seconds=_PATIENCE):
                return ""
        except Unreachable as error:
            if isinstance(error.__cause__, aiohttp.ClientSSLError):
                return f"It has no certificate that browsers believe ({error.__cause__.os_error})."[:300]
            raise NoAnswer(error.message) from None
        except Invalid as error:
            raise NoAnswer(error.fields[0].reason) from None
