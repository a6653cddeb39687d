"""Links of messages tell a site whose message led there, where its operator wants that (``Site.clicks``).

The token stands behind ``#``: browsers send that part to no server and put it into no ``Referer``, so it is in nobody's
log. The site's script (``tracker.js``) takes it out of the address at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Final

import psycopg

from syncom.clock import Clock
from syncom.sites.model import Site
from syncom.sites.service import SitesService, is_of

_log = logging.getLogger(__name__)
#: Known to ``tracker.js``.
MARK: Final = b"#syncom="
#: Sites of an account are asked for again after so many seconds: a switch is heard of then.
_FRESH: Final = 30.0
_ACCOUNTS: Final = 2_000


class Landings:
    """Where links lead, with the token of who follows them."""

    def __init__(self, sites: SitesService, clock: Clock) -> None:
        self._sites = sites
        self._clock = clock
        #: Until when, and sites that want to know, by account.
        self._known: OrderedDict[int, tuple[float, tuple[Site, ...]]] = OrderedDict()
        self._asking: dict[int, asyncio.Task[tuple[Site, ...]]] = {}

    async def of(self, account_id: int, contact_id: int, target: bytes) -> bytes:
        """The address that a click on ``target``, a location, is led to.

        One with a part behind ``#`` of its own stays: a page may be found by it. So does one that leads elsewhere.
        """
        sites = await self._wanting(account_id)
        if not sites or b"#" in target:
            return target
        site = next((site for site in sites if is_of(target.decode("ascii"), site.domain)), None)
        if site is None:
            return target
        return target + MARK + self._sites.click_token(site, contact_id).encode("ascii")

    async def _wanting(self, account_id: int) -> tuple[Site, ...]:
        until, sites = self._known.get(account_id, (0.0, ()))
        if until > self._clock.monotonic():
            return sites
        # Many clicks on a fresh campaign arrive at once: one of them asks, the others wait for it.
        task = self._asking.get(account_id)
        if task is None:
            task = asyncio.create_task(self._ask(account_id))
            self._asking[account_id] = task
            task.add_done_callback(lambda _: self._asking.pop(account_id, None))
        return await asyncio.shield(task)

    async def _ask(self, account_id: int) -> tuple[Site, ...]:
        try:
            found = tuple(site for site in await self._sites.sites(account_id) if site.clicks)
        except (psycopg.Error, OSError) as error:
            # The click is recorded, and its reader has to arrive all the same.
            _log.warning("the sites of account %s could not be read: %s", account_id, error)
            return ()
        self._known[account_id] = (self._clock.monotonic() + _FRESH, found)
        self._known.move_to_end(account_id)
        if len(self._known) > _ACCOUNTS:
            self._known.popitem(last=False)
        return found
